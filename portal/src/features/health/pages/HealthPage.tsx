import { useQuery } from "@tanstack/react-query";
import { Server } from "lucide-react";
import type { ReactNode } from "react";

import type { EdgeHealth, Health } from "@/api/types";
import { allModelsQuery } from "@/features/models/queries";
import { Allowed } from "@/features/session/components/Allowed";
import { usePermission } from "@/features/session/queries";
import { count } from "@/lib/numbers";
import { Badge, type Tone } from "@/ui/Badge";
import { Card } from "@/ui/Card";
import { RelativeTime } from "@/ui/Figures";
import { Page } from "@/ui/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";

import { healthQuery } from "../queries";

export function HealthPage() {
  return (
    <Allowed permission="settings:read">
      <Overview />
    </Allowed>
  );
}

function Overview() {
  const health = useQuery(healthQuery);
  const status = health.data?.status;
  return (
    <Page
      title="Health"
      description="What this gateway depends on, what is on its way, and every replica that carries calls."
      actions={
        status && (
          <Badge tone={status === "ok" ? "success" : "danger"} dot>
            {status === "ok" ? "All is well" : "Something is wrong"}
          </Badge>
        )
      }
    >
      {health.data ? (
        <>
          <Dependencies health={health.data} />
          <Replicas edges={health.data.edges} />
          <Streams health={health.data} />
        </>
      ) : health.isError ? (
        <ErrorState error={health.error} onRetry={() => void health.refetch()} />
      ) : (
        <SkeletonRows label="Loading the health of the gateway" />
      )}
    </Page>
  );
}

function Dependencies({ health }: { health: Health }) {
  return (
    <Card title="Dependencies" flush>
      <Table label="Dependencies">
        <Head columns={["What", "State"]} />
        <tbody>
          {Object.entries(health.checks).map(([name, state]) => (
            <tr key={name}>
              <td className={tableStyles["strong"]}>{name}</td>
              <td>
                <Badge tone={state === "ok" ? "success" : "danger"}>{state}</Badge>
              </td>
            </tr>
          ))}
          <tr>
            <td className={tableStyles["strong"]}>Changes that wait to be told</td>
            <td>{health.outbox_waiting === null ? "Not known" : count(health.outbox_waiting)}</td>
          </tr>
          <tr>
            <td className={tableStyles["strong"]}>Newest call in the ledger</td>
            <td>{health.latest_call_at ? <RelativeTime iso={health.latest_call_at} /> : "None yet"}</td>
          </tr>
        </tbody>
      </Table>
    </Card>
  );
}

const BREAKERS: Record<EdgeHealth["routes"][string], { tone: Tone; word: string }> = {
  closed: { tone: "success", word: "works" },
  half_open: { tone: "warning", word: "is tried" },
  open: { tone: "danger", word: "left alone" },
};

function Replicas({ edges }: { edges: readonly EdgeHealth[] }) {
  if (edges.length === 0) {
    return (
      <Card title="Replicas of edge-proxy">
        <EmptyState icon={<Server />} title="No replica answers">
          Calls are carried by edge-proxy. Either none runs, or NATS, over which they are asked, is away.
        </EmptyState>
      </Card>
    );
  }
  return (
    <Card title="Replicas of edge-proxy" flush>
      <Table label="Replicas">
        <Head columns={["Replica", "Version", "Started", "Usage on its way", "Journal", "Routes in trouble"]} />
        <tbody>
          {edges.map((edge) => (
            <tr key={edge.replica}>
              <td className={tableStyles["mono"]}>
                {edge.replica} {!edge.configured && <Badge tone="danger">Not configured</Badge>}
              </td>
              <td className={tableStyles["muted"]}>{edge.version}</td>
              <td className={tableStyles["muted"]}>
                <RelativeTime iso={edge.started_at} />
              </td>
              <td>{count(edge.usage_pending)}</td>
              <td>{count(edge.journal_bytes)} bytes</td>
              <td>
                <Trouble routes={edge.routes} />
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </Card>
  );
}

/** Routes that are not simply used, by the name of their model where the catalog may be read. */
function Trouble({ routes }: { routes: EdgeHealth["routes"] }) {
  const mayRead = usePermission("catalog:read");
  const models = useQuery({ ...allModelsQuery, enabled: mayRead });
  const troubled = Object.entries(routes).filter(([, state]) => state !== "closed");
  if (troubled.length === 0) return "None";
  const aliasOf = (route: string) =>
    models.data?.find((model) => model.routes.some(({ id }) => id === route))?.alias ?? route;
  return troubled.map(([route, state]) => (
    <Badge key={route} tone={BREAKERS[state].tone}>
      {aliasOf(route)} {BREAKERS[state].word}
    </Badge>
  ));
}

function Streams({ health }: { health: Health }) {
  return (
    <>
      <Card title="Events" flush>
        <Table label="Streams">
          <Head columns={["Stream", "Messages", "Bytes"]} />
          <tbody>
            {health.streams.map((stream) => (
              <tr key={stream.name}>
                <td className={tableStyles["mono"]}>{stream.name}</td>
                <td>{count(stream.messages)}</td>
                <td>{count(stream.bytes)}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      </Card>
      <Card title="Who works at them" flush>
        <Table label="Consumers">
          <Head columns={["Consumer", "Stream", "Waiting", "In work", "Asking"]} />
          <tbody>
            {health.consumers.map((consumer) => (
              <tr key={`${consumer.stream} ${consumer.name}`}>
                <td className={tableStyles["mono"]}>{consumer.name}</td>
                <td className={`${tableStyles["mono"]} ${tableStyles["muted"]}`}>{consumer.stream}</td>
                <td>{count(consumer.waiting)}</td>
                <td>{count(consumer.unsettled)}</td>
                <td>{consumer.asking === 0 ? <Badge tone="warning">Nobody</Badge> : count(consumer.asking)}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      </Card>
    </>
  );
}

function Head({ columns }: { columns: readonly string[] }): ReactNode {
  return (
    <thead>
      <tr>
        {columns.map((column) => (
          <th key={column}>{column}</th>
        ))}
      </tr>
    </thead>
  );
}
