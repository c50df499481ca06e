import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Boxes } from "lucide-react";
import { Suspense, lazy, useState } from "react";

import { RecentCalls } from "@/features/calls/components/RecentCalls";
import { Allowed } from "@/features/session/components/Allowed";
import { TenantFilter } from "@/features/tenants/components/TenantFilter";
import { timeZone } from "@/lib/time";
import { Card } from "@/ui/Card";
import { Download } from "@/ui/Download";
import { Page } from "@/ui/Page";
import { Segmented } from "@/ui/Segmented";
import { EmptyState, ErrorState, Skeleton, SkeletonRows } from "@/ui/States";

import { Breakdown } from "../components/Breakdown";
import { StatTiles } from "../components/StatTiles";
import type { Metric } from "../metrics";
import { PERIODS, type Period, USAGE_GROUPS, type UsageGroup, periodWords } from "../period";
import { breakdownQuery, summaryQuery } from "../queries";
import styles from "./DashboardPage.module.css";

const UsageChart = lazy(() => import("../components/UsageChart"));

export function DashboardPage() {
  return (
    <Allowed permission="usage:read">
      <Dashboard />
    </Allowed>
  );
}

function Dashboard() {
  const { period = "24h", tenant } = useSearch({ from: "/signed-in/" });
  const navigate = useNavigate({ from: "/" });
  const [metric, setMetric] = useState<Metric>("spend");
  const summary = useQuery(summaryQuery({ period, tenant }));
  const [group, setGroup] = useState<UsageGroup>("model");
  const breakdown = useQuery(breakdownQuery({ period, tenant, group }));

  const choose = (change: { period?: Period; tenant?: string | undefined }) =>
    void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });

  return (
    <Page
      title="Dashboard"
      description={`Spend and traffic of ${periodWords(period)}.`}
      actions={
        <>
          <TenantFilter value={tenant} onChange={(next) => choose({ tenant: next })} />
          <Segmented label="Range" value={period} options={PERIODS} onChange={(next) => choose({ period: next })} />
          <Download
            label="Costs"
            path="/admin/usage/costs/export"
            query={{ tenant_id: tenant, period, timezone: timeZone() }}
          />
        </>
      }
    >
      <Card flush>
        <StatTiles totals={summary.data?.totals} failed={summary.isError} selected={metric} onSelect={setMetric} />
        <div className={styles["chart"]} data-stale={summary.isPlaceholderData || undefined}>
          {summary.isError && summary.data === undefined ? (
            <ErrorState error={summary.error} onRetry={() => void summary.refetch()} />
          ) : (
            <Suspense fallback={<Skeleton height="15rem" />}>
              {summary.data ? <UsageChart summary={summary.data} metric={metric} /> : <Skeleton height="15rem" />}
            </Suspense>
          )}
        </div>
      </Card>
      <div className={styles["columns"]}>
        <Card
          title="Usage"
          flush
          aside={<Segmented label="Group the usage" value={group} options={USAGE_GROUPS} onChange={setGroup} />}
        >
          {breakdown.data === undefined ? (
            breakdown.isError ? (
              <ErrorState error={breakdown.error} onRetry={() => void breakdown.refetch()} />
            ) : (
              <SkeletonRows rows={5} label="Loading the usage" />
            )
          ) : breakdown.data.length === 0 ? (
            <EmptyState
              icon={<Boxes />}
              title="No calls in this range"
              action={<Link to="/api-keys">Create an API key</Link>}
            >
              As soon as a call goes through the gateway, its model and cost show up here.
            </EmptyState>
          ) : (
            <Breakdown group={group} items={breakdown.data} stale={breakdown.isPlaceholderData} />
          )}
        </Card>
        <Card
          title="Recent calls"
          flush
          aside={
            <Link to="/calls" search={{ tenant }}>
              All calls
            </Link>
          }
        >
          <RecentCalls tenant={tenant} />
        </Card>
      </div>
    </Page>
  );
}
