import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Building2, Plus } from "lucide-react";
import { useState } from "react";

import type { Tenant } from "@/api/types";
import { LimitsDialog } from "@/features/limits/components/LimitsDialog";
import { Allowed } from "@/features/session/components/Allowed";
import { usePermission } from "@/features/session/queries";
import { plural } from "@/lib/numbers";
import { Badge } from "@/ui/Badge";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { RelativeTime } from "@/ui/Figures";
import { LoadMore } from "@/ui/LoadMore";
import { Page } from "@/ui/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";
import { useToast } from "@/ui/Toast";

import { TenantDialog } from "../components/TenantDialog";
import { tenantListQuery, useSetTenantStatus } from "../queries";

export function TenantsPage() {
  return (
    <Allowed permission="tenants:read">
      <Tenants />
    </Allowed>
  );
}

function Tenants() {
  const tenants = useInfiniteQuery(tenantListQuery);
  const mayWrite = usePermission("tenants:write");
  const [editing, setEditing] = useState<Tenant | "new">();
  const [limiting, setLimiting] = useState<Tenant>();
  const [switching, setSwitching] = useState<Tenant>();
  const rows = tenants.data?.pages.flatMap((page) => page.data);
  const create = mayWrite && (
    <Button variant="primary" icon={<Plus aria-hidden />} onClick={() => setEditing("new")}>
      Create tenant
    </Button>
  );

  return (
    <Page title="Tenants" description="Teams and customers that share this gateway." actions={create}>
      <Card flush>
        {rows === undefined ? (
          tenants.isError ? (
            <ErrorState error={tenants.error} onRetry={() => void tenants.refetch()} />
          ) : (
            <SkeletonRows label="Loading tenants" />
          )
        ) : rows.length === 0 ? (
          <EmptyState icon={<Building2 />} title="No tenants yet" action={create}>
            API keys belong to a tenant. Create one for each team or customer whose usage you want to see apart.
          </EmptyState>
        ) : (
          <Table label="Tenants">
            <thead>
              <tr>
                <th>Name</th>
                <th>Status</th>
                <th>Models</th>
                <th>Created</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((tenant) => (
                <tr key={tenant.id}>
                  <td className={tableStyles["strong"]} title={tenant.id}>
                    {tenant.name}
                  </td>
                  <td>
                    <Badge tone={tenant.status === "active" ? "success" : "warning"} dot>
                      {tenant.status === "active" ? "Active" : "Suspended"}
                    </Badge>
                  </td>
                  <td title={tenant.models?.join(", ")}>
                    {tenant.models === null ? "Every model" : plural(tenant.models.length, "model")}
                  </td>
                  <td className={tableStyles["muted"]}>
                    <RelativeTime iso={tenant.created_at} />
                  </td>
                  <td className={tableStyles["actions"]}>
                    <TenantLinks tenant={tenant} />
                    {mayWrite && (
                      <>
                        <Button size="sm" variant="ghost" onClick={() => setEditing(tenant)}>
                          Edit
                        </Button>
                        <Button size="sm" variant="ghost" onClick={() => setLimiting(tenant)}>
                          Limits
                        </Button>
                        <Button size="sm" variant="ghost" onClick={() => setSwitching(tenant)}>
                          {tenant.status === "active" ? "Suspend" : "Activate"}
                        </Button>
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Card>
      <LoadMore
        hasMore={tenants.hasNextPage}
        busy={tenants.isFetchingNextPage}
        error={tenants.isFetchNextPageError ? tenants.error : null}
        onLoad={() => void tenants.fetchNextPage()}
      />
      {editing && (
        <TenantDialog tenant={editing === "new" ? undefined : editing} onClose={() => setEditing(undefined)} />
      )}
      {limiting && (
        <LimitsDialog
          target={{ of: "tenant", tenantId: limiting.id }}
          title={`Limits of ${limiting.name}`}
          description="What all its keys may call together. Empty is what the installation's defaults say."
          onClose={() => setLimiting(undefined)}
        />
      )}
      {switching && <StatusDialog tenant={switching} onClose={() => setSwitching(undefined)} />}
    </Page>
  );
}

function TenantLinks({ tenant }: { tenant: Tenant }) {
  const mayReadKeys = usePermission("api_keys:read");
  const mayReadUsage = usePermission("usage:read");
  const mayReadMembers = usePermission("members:read");
  return (
    <>
      {mayReadUsage && (
        <Link to="/" search={{ tenant: tenant.id }}>
          Usage
        </Link>
      )}
      {mayReadUsage && mayReadKeys && <span aria-hidden> · </span>}
      {mayReadKeys && (
        <Link to="/api-keys" search={{ tenant: tenant.id }}>
          Keys
        </Link>
      )}
      {mayReadMembers && (
        <>
          <span aria-hidden> · </span>
          <Link to="/tenants/$tenantId/members" params={{ tenantId: tenant.id }}>
            Members
          </Link>
        </>
      )}
    </>
  );
}

function StatusDialog({ tenant, onClose }: { tenant: Tenant; onClose: () => void }) {
  const setStatus = useSetTenantStatus();
  const notify = useToast();
  const suspends = tenant.status === "active";
  const confirm = () =>
    setStatus.mutate(
      { id: tenant.id, status: suspends ? "suspended" : "active" },
      {
        onSuccess: () => {
          notify(suspends ? `${tenant.name} is suspended` : `${tenant.name} is active again`);
          onClose();
        },
      },
    );
  return (
    <ConfirmDialog
      title={suspends ? `Suspend ${tenant.name}?` : `Activate ${tenant.name}?`}
      action={suspends ? "Suspend tenant" : "Activate tenant"}
      busy={setStatus.isPending}
      error={setStatus.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      {suspends
        ? "Every call with a key of this tenant is refused from now on. Keys and history stay; you can activate it again."
        : "The keys of this tenant that are neither revoked nor expired work again at once."}
    </ConfirmDialog>
  );
}
