import { useInfiniteQuery } from "@tanstack/react-query";
import { BellRing } from "lucide-react";

import type { Alert } from "@/api/types";
import { Badge, type Tone } from "@/ui/Badge";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { RelativeTime } from "@/ui/Figures";
import { LoadMore } from "@/ui/LoadMore";
import { EmptyState, ErrorState, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";
import { useToast } from "@/ui/Toast";

import { type AlertScope, alertListQuery, useRedeliver } from "../queries";

const TONES: Record<Alert["severity"], Tone> = { info: "neutral", warning: "warning", critical: "danger" };
const WHYS = { cooldown: "Told recently", disabled: "Switched off", no_destination: "Nobody to tell" } as const;

function outcome(alert: Alert): string {
  if (alert.why !== null) return WHYS[alert.why];
  if (alert.failed > 0) return `${alert.failed} failed`;
  return alert.pending > 0 ? "On its way" : "Delivered";
}

/** What was told, newest first. */
export function History({ scope, mayWrite }: { scope: AlertScope; mayWrite: boolean }) {
  const alerts = useInfiniteQuery(alertListQuery(scope));
  const redeliver = useRedeliver(scope);
  const notify = useToast();
  const rows = alerts.data?.pages.flatMap((page) => page.data);
  return (
    <>
      <Card title="History" flush>
        {rows === undefined ? (
          alerts.isError ? (
            <ErrorState error={alerts.error} onRetry={() => void alerts.refetch()} />
          ) : (
            <SkeletonRows label="Loading alerts" />
          )
        ) : rows.length === 0 ? (
          <EmptyState icon={<BellRing />} title="Nothing to tell so far">
            Budgets that are nearly spent, providers that fail and keys that expire appear here.
          </EmptyState>
        ) : (
          <Table label="Alerts">
            <thead>
              <tr>
                <th>What</th>
                <th>When</th>
                <th>Outcome</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((alert) => (
                <tr key={alert.id}>
                  <td title={alert.kind}>
                    <Badge tone={TONES[alert.severity]}>{alert.severity}</Badge> {alert.title}
                  </td>
                  <td className={tableStyles["muted"]}>
                    <RelativeTime iso={alert.occurred_at} />
                  </td>
                  <td>{outcome(alert)}</td>
                  <td className={tableStyles["actions"]}>
                    {mayWrite && (
                      <Button
                        size="sm"
                        variant="ghost"
                        onClick={() => redeliver.mutate(alert.id, { onSuccess: () => notify("It is sent again") })}
                      >
                        Send again
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Card>
      <LoadMore
        hasMore={alerts.hasNextPage}
        busy={alerts.isFetchingNextPage}
        error={alerts.isFetchNextPageError ? alerts.error : null}
        onLoad={() => void alerts.fetchNextPage()}
      />
    </>
  );
}
