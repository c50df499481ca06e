import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Building2, ChartNoAxesColumn } from "lucide-react";
import { Suspense, lazy, useState } from "react";

import { StatTiles } from "@/features/usage/components/StatTiles";
import type { Metric } from "@/features/usage/metrics";
import { PERIODS, type Period, periodWords } from "@/features/usage/period";
import { count } from "@/lib/numbers";
import { timeZone } from "@/lib/time";
import { Card } from "@/ui/Card";
import { Download } from "@/ui/Download";
import { Money } from "@/ui/Figures";
import { Page } from "@/ui/Page";
import { Segmented } from "@/ui/Segmented";
import { EmptyState, ErrorState, Skeleton, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";

import { OwnTenantChoice } from "../components/OwnTenantChoice";
import { ownBreakdownQuery, ownTenantsQuery, ownUsageQuery, useOwnTenant } from "../queries";
import styles from "./OwnUsagePage.module.css";

const UsageChart = lazy(() => import("@/features/usage/components/UsageChart"));

/** The start page of people without a platform role: what one of their tenants uses. */
export function OwnUsagePage() {
  const { tenant: chosen, period = "30d" } = useSearch({ from: "/signed-in/my" });
  const navigate = useNavigate({ from: "/my" });
  const tenants = useQuery(ownTenantsQuery);
  const { tenant, all } = useOwnTenant(chosen);

  return (
    <Page
      title="Your usage"
      description={tenant ? `What ${tenant.name} used in ${periodWords(period)}.` : "What your tenants use."}
      actions={
        <>
          <OwnTenantChoice
            tenants={all}
            value={tenant?.id}
            onChange={(next) => void navigate({ search: (before) => ({ ...before, tenant: next }), replace: true })}
          />
          <Segmented
            label="Range"
            value={period}
            options={PERIODS}
            onChange={(next) => void navigate({ search: (before) => ({ ...before, period: next }), replace: true })}
          />
          {tenant && (
            <Download
              label="Costs"
              path="/user/usage/costs/export"
              query={{ scope: tenant.id, period, timezone: timeZone() }}
            />
          )}
        </>
      }
    >
      {tenant ? (
        <TenantUsage tenantId={tenant.id} period={period} />
      ) : (
        <Card title="Your tenants" flush>
          {tenants.isError ? (
            <ErrorState error={tenants.error} onRetry={() => void tenants.refetch()} />
          ) : tenants.data === undefined ? (
            <SkeletonRows label="Loading your tenants" />
          ) : (
            <EmptyState icon={<Building2 />} title="You belong to no tenant yet">
              Ask an owner or admin of your team’s tenant for an invitation.
            </EmptyState>
          )}
        </Card>
      )}
    </Page>
  );
}

function TenantUsage({ tenantId, period }: { tenantId: string; period: Period }) {
  const summary = useQuery(ownUsageQuery(tenantId, period));
  const breakdown = useQuery(ownBreakdownQuery(tenantId, period));
  const [metric, setMetric] = useState<Metric>("spend");
  return (
    <>
      <Card flush>
        <StatTiles totals={summary.data?.totals} failed={summary.isError} selected={metric} onSelect={setMetric} />
        <div className={styles["chart"]}>
          {summary.isError && summary.data === undefined ? (
            <ErrorState error={summary.error} onRetry={() => void summary.refetch()} />
          ) : (
            <Suspense fallback={<Skeleton height="15rem" />}>
              {summary.data ? <UsageChart summary={summary.data} metric={metric} /> : <Skeleton height="15rem" />}
            </Suspense>
          )}
        </div>
      </Card>
      <Card title="By model" flush>
        {breakdown.data === undefined ? (
          breakdown.isError ? (
            <ErrorState error={breakdown.error} onRetry={() => void breakdown.refetch()} />
          ) : (
            <SkeletonRows label="Loading the usage by model" />
          )
        ) : breakdown.data.length === 0 ? (
          <EmptyState
            icon={<ChartNoAxesColumn />}
            title="No calls in this range"
            action={
              <Link to="/my/keys" search={{ tenant: tenantId }}>
                Create an API key
              </Link>
            }
          >
            As soon as a call goes through the gateway, its model and cost show up here.
          </EmptyState>
        ) : (
          <Table label="Usage by model">
            <thead>
              <tr>
                <th>Model</th>
                <th>Calls</th>
                <th>Cost</th>
              </tr>
            </thead>
            <tbody>
              {breakdown.data.map((item) => (
                <tr key={item.id}>
                  <td className={tableStyles["strong"]}>{item.label}</td>
                  <td>{count(item.requests)}</td>
                  <td>
                    <Money nano={item.cost_nano_usd} />
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Card>
    </>
  );
}
