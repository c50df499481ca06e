import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Activity } from "lucide-react";
import { useState } from "react";

import type { Call } from "@/api/types";
import { count, duration } from "@/lib/numbers";
import { listTime } from "@/lib/time";
import { Money } from "@/ui/Figures";
import { EmptyState, ErrorState, SkeletonRows } from "@/ui/States";

import { recentCallsQuery } from "../queries";
import { CallDrawer } from "./CallDrawer";
import styles from "./RecentCalls.module.css";

/** The last few calls, live, for the dashboard. */
export function RecentCalls({ tenant }: { tenant: string | undefined }) {
  const calls = useQuery(recentCallsQuery({ tenant }));
  const [open, setOpen] = useState<Call>();

  if (calls.data === undefined) {
    if (calls.isError) return <ErrorState error={calls.error} onRetry={() => void calls.refetch()} />;
    return <SkeletonRows rows={5} label="Loading recent calls" />;
  }
  if (calls.data.data.length === 0) {
    return (
      <EmptyState
        icon={<Activity />}
        title="No calls yet"
        action={<Link to="/api-keys">Get an API key and a curl line</Link>}
      >
        Every call appears here within a second or two, with what it cost.
      </EmptyState>
    );
  }
  return (
    <>
      <ul className={styles["list"]}>
        {calls.data.data.map((call) => (
          <li key={call.id}>
            {/* oxlint-disable-next-line jsx-a11y/control-has-associated-label -- its text is its label, a few elements down */}
            <button type="button" onClick={() => setOpen(call)} aria-haspopup="dialog">
              <span className={styles["dot"]} data-status={call.status} title={call.status} />
              <span className={styles["what"]}>
                <strong>{call.alias}</strong>
                <span>
                  {call.status === "succeeded" ? "" : `${call.status} · `}
                  {count(call.input_tokens + call.output_tokens)} tokens · {duration(call.latency_ms)} ·{" "}
                  {call.tenant_name}
                </span>
              </span>
              <span className={styles["much"]}>
                <strong>
                  <Money nano={call.cost_nano_usd} />
                </strong>
                <span>{listTime(call.occurred_at)}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {open && <CallDrawer call={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}
