import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ScrollText } from "lucide-react";
import { useState } from "react";

import type { AuditEntry } from "@/api/types";
import { Allowed } from "@/features/session/components/Allowed";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { CodeBlock } from "@/ui/Copy";
import { Drawer } from "@/ui/Dialog";
import { Download } from "@/ui/Download";
import { Select } from "@/ui/Field";
import { RelativeTime } from "@/ui/Figures";
import { LoadMore } from "@/ui/LoadMore";
import { Page } from "@/ui/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";

import { auditQuery } from "../queries";

const RESOURCES = ["tenant", "user", "membership", "invitation", "api_key", "access_token", "model", "route", "budget"];

/** The kind and the end of an id: enough to tell two apart. All of it is on hover, and in the details. */
function shortId(id: string): string {
  return id.length > 20 ? `${id.slice(0, 4)}…${id.slice(-8)}` : id;
}

export function AuditPage() {
  return (
    <Allowed permission="audit:read">
      <Audit />
    </Allowed>
  );
}

function Audit() {
  const { resource } = useSearch({ from: "/signed-in/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const entries = useInfiniteQuery(auditQuery(resource));
  const [shown, setShown] = useState<AuditEntry>();
  const rows = entries.data?.pages.flatMap((page) => page.data);
  return (
    <Page
      title="Audit log"
      description="Every change and every sign-in. Entries cannot be changed or removed."
      actions={
        <>
          <Select
            compact
            aria-label="What it is about"
            value={resource ?? ""}
            onChange={(event) =>
              void navigate({ search: { resource: event.target.value || undefined }, replace: true })
            }
          >
            <option value="">Everything</option>
            {RESOURCES.map((name) => (
              <option key={name} value={name}>
                {name.replaceAll("_", " ")}
              </option>
            ))}
          </Select>
          <Download label="JSON lines" path="/admin/audit/export" query={{ resource_type: resource }} />
        </>
      }
    >
      <Card flush>
        {rows === undefined ? (
          entries.isError ? (
            <ErrorState error={entries.error} onRetry={() => void entries.refetch()} />
          ) : (
            <SkeletonRows label="Loading the audit log" />
          )
        ) : rows.length === 0 ? (
          <EmptyState icon={<ScrollText />} title="Nothing here yet">
            Changes show up as soon as they are made.
          </EmptyState>
        ) : (
          <Table label="Audit log">
            <thead>
              <tr>
                <th>When</th>
                <th>What</th>
                <th>On</th>
                <th>By</th>
                <th>From</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((entry) => (
                <tr key={entry.id}>
                  <td className={tableStyles["muted"]}>
                    <RelativeTime iso={entry.occurred_at} />
                  </td>
                  <td className={tableStyles["strong"]}>{entry.action}</td>
                  <td className={tableStyles["mono"]} title={entry.resource_id}>
                    {shortId(entry.resource_id)}
                  </td>
                  <td className={tableStyles["mono"]} title={`${entry.actor_kind} ${entry.actor_id}`}>
                    {shortId(entry.actor_id)}
                  </td>
                  <td className={tableStyles["muted"]}>{entry.address ?? "–"}</td>
                  <td className={tableStyles["actions"]}>
                    <Button
                      size="sm"
                      variant="ghost"
                      aria-label={`Details of ${entry.action} on ${entry.resource_id}`}
                      onClick={() => setShown(entry)}
                    >
                      Details
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Card>
      <LoadMore
        hasMore={entries.hasNextPage}
        busy={entries.isFetchingNextPage}
        error={entries.isFetchNextPageError ? entries.error : null}
        onLoad={() => void entries.fetchNextPage()}
      />
      {shown && (
        <Drawer
          title={shown.action}
          description={`${shown.resource_id}, by ${shown.actor_kind} ${shown.actor_id}, in request ${shown.request_id ?? "unknown"}`}
          onClose={() => setShown(undefined)}
        >
          {shown.before && <CodeBlock label="Before" text={JSON.stringify(shown.before, null, 2)} />}
          {shown.after && <CodeBlock label="After" text={JSON.stringify(shown.after, null, 2)} />}
          {!shown.before && !shown.after && <p>There is nothing more to say about it.</p>}
        </Drawer>
      )}
    </Page>
  );
}
