import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Activity, ArrowUp, Pause, Play, X } from "lucide-react";
import { useState } from "react";

import type { Call } from "@/api/types";
import { ModelFilter } from "@/features/models/components/ModelFilter";
import { Allowed } from "@/features/session/components/Allowed";
import { TenantFilter } from "@/features/tenants/components/TenantFilter";
import { plural } from "@/lib/numbers";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Download } from "@/ui/Download";
import { Page } from "@/ui/Page";
import { EmptyState, ErrorState, FormError, SkeletonRows } from "@/ui/States";

import { CallDrawer } from "../components/CallDrawer";
import { CallTable } from "../components/CallTable";
import type { CallFilter } from "../queries";
import { useLiveCalls } from "../use-live-calls";
import styles from "./CallsPage.module.css";

const EXPORT = "/admin/usage/calls/export";

export function CallsPage() {
  const { tenant, key, model } = useSearch({ from: "/signed-in/calls" });
  const navigate = useNavigate({ from: "/calls" });
  const [paused, setPaused] = useState(false);
  const exported = { tenant_id: tenant, key_id: key, alias: model };
  const choose = (change: CallFilter) =>
    void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });

  return (
    <Allowed permission="usage:read">
      <Page
        title="Calls"
        description="Every call that reached a provider, as it happens."
        actions={
          <>
            {key && (
              <Button size="sm" icon={<X aria-hidden />} onClick={() => choose({ key: undefined })}>
                One API key
              </Button>
            )}
            <TenantFilter value={tenant} onChange={(next) => choose({ tenant: next })} />
            <ModelFilter value={model} onChange={(next) => choose({ model: next })} />
            <Download label="CSV" path={EXPORT} query={{ format: "csv", ...exported }} />
            <Download label="Parquet" path={EXPORT} query={{ format: "parquet", ...exported }} />
            <Button
              size="sm"
              icon={paused ? <Play aria-hidden /> : <Pause aria-hidden />}
              aria-pressed={paused}
              onClick={() => setPaused((before) => !before)}
            >
              {paused ? "Resume" : "Pause"}
            </Button>
          </>
        }
      >
        <CallList key={`${tenant} ${key} ${model}`} filter={{ tenant, key, model }} paused={paused} />
      </Page>
    </Allowed>
  );
}

function CallList({ filter, paused }: { filter: CallFilter; paused: boolean }) {
  const { list, error, retry, showWaiting, loadOlder, isLoadingOlder, olderError } = useLiveCalls(filter, paused);
  const [open, setOpen] = useState<Call>();
  const filtered = Boolean(filter.tenant ?? filter.key ?? filter.model);

  const reveal = () => {
    showWaiting();
    globalThis.scrollTo({ top: 0, behavior: "smooth" });
  };

  return (
    <>
      {list !== undefined && list.waiting.length > 0 && (
        <Button
          className={styles["waiting"]}
          variant="primary"
          size="sm"
          icon={<ArrowUp aria-hidden />}
          onClick={reveal}
        >
          {plural(list.waiting.length, "new call")}
        </Button>
      )}
      <Card
        flush
        title={paused ? "Paused" : "Live"}
        aside={
          <span className={styles["live"]} data-state={error ? "lost" : paused ? "paused" : "live"}>
            {error ? "Connection lost, retrying" : paused ? "New calls wait" : "Updates every 2 seconds"}
          </span>
        }
      >
        {list === undefined ? (
          error ? (
            <ErrorState error={error} onRetry={retry} />
          ) : (
            <SkeletonRows rows={10} label="Loading calls" />
          )
        ) : list.shown.length === 0 ? (
          <EmptyState
            icon={<Activity />}
            title={filtered ? "No call matches" : "No calls yet"}
            action={
              filtered ? (
                <Link to="/calls">Show all calls</Link>
              ) : (
                <Link to="/api-keys">Get an API key and a curl line</Link>
              )
            }
          >
            {filtered
              ? "Nothing with this tenant, key and model has come through the gateway."
              : "Send a first request with an API key. It appears here a moment later, with its tokens and its cost."}
          </EmptyState>
        ) : (
          <CallTable calls={list.shown} fresh={list.fresh} selectedId={open?.id} onOpen={setOpen} />
        )}
      </Card>
      {olderError && <FormError>{olderError.message}</FormError>}
      {list?.olderCursor && (
        <Button className={styles["older"]} busy={isLoadingOlder} onClick={loadOlder}>
          Load older calls
        </Button>
      )}
      {open && <CallDrawer call={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}
