import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";

import type { ApiKey, ApiKeyCreated, OwnTenant } from "@/api/types";
import { KeyDrawer } from "@/features/api-keys/components/KeyDrawer";
import { KeyStatus } from "@/features/api-keys/components/KeyStatus";
import { RevealKeyDialog } from "@/features/api-keys/components/RevealKeyDialog";
import { LIFETIMES, expiryOf } from "@/features/api-keys/expiry";
import { useSession } from "@/features/session/queries";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { Dialog } from "@/ui/Dialog";
import { Field, Select, TextInput } from "@/ui/Field";
import { CalendarDate, RelativeTime } from "@/ui/Figures";
import { LoadMore } from "@/ui/LoadMore";
import { Page } from "@/ui/Page";
import { EmptyState, ErrorState, FormError, SkeletonRows } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";
import { useToast } from "@/ui/Toast";

import { OwnTenantChoice } from "../components/OwnTenantChoice";
import { ownKeysQuery, useCreateOwnKey, useOwnTenant, useRevokeOwnKey } from "../queries";

/** The keys of one of the person's tenants: their own, and, for its admins, the tenant's. */
export function OwnKeysPage() {
  const { tenant: chosen } = useSearch({ from: "/signed-in/my/keys" });
  const navigate = useNavigate({ from: "/my/keys" });
  const { tenant, all } = useOwnTenant(chosen);
  const [creating, setCreating] = useState(false);
  const [created, setCreated] = useState<ApiKeyCreated>();
  const mayCreate = tenant?.permissions.includes("own_api_keys:write") ?? false;

  return (
    <Page
      title="Your keys"
      description="Keys let your programs call models. A personal key is yours alone."
      actions={
        <>
          <OwnTenantChoice
            tenants={all}
            value={tenant?.id}
            onChange={(next) => void navigate({ search: { tenant: next }, replace: true })}
          />
          {mayCreate && (
            <Button variant="primary" icon={<Plus aria-hidden />} onClick={() => setCreating(true)}>
              Create key
            </Button>
          )}
        </>
      }
    >
      {tenant ? (
        <TenantKeys tenant={tenant} onRotated={setCreated} />
      ) : (
        <Card title="Your tenants" flush>
          <EmptyState icon={<KeyRound />} title="You belong to no tenant yet">
            A key belongs to a tenant. Ask an owner or admin of your team’s tenant for an invitation.
          </EmptyState>
        </Card>
      )}
      {tenant && creating && (
        <CreateDialog
          tenant={tenant}
          onClose={() => setCreating(false)}
          onCreated={(key) => {
            setCreating(false);
            setCreated(key);
          }}
        />
      )}
      {created && <RevealKeyDialog apiKey={created} onClose={() => setCreated(undefined)} />}
    </Page>
  );
}

interface TenantKeysProps {
  tenant: OwnTenant;
  onRotated: (key: ApiKeyCreated) => void;
}

function TenantKeys({ tenant, onRotated }: TenantKeysProps) {
  const keys = useInfiniteQuery(ownKeysQuery(tenant.id));
  const me = useSession().user.id;
  const [editing, setEditing] = useState<ApiKey>();
  const [revoking, setRevoking] = useState<ApiKey>();
  const rows = keys.data?.pages.flatMap((page) => page.data);
  const mayChange = (key: ApiKey) =>
    key.status !== "revoked" &&
    (tenant.permissions.includes("api_keys:write") ||
      (key.kind === "personal" && key.owner_id === me && tenant.permissions.includes("own_api_keys:write")));
  return (
    <>
      <Card flush>
        {rows === undefined ? (
          keys.isError ? (
            <ErrorState error={keys.error} onRetry={() => void keys.refetch()} />
          ) : (
            <SkeletonRows label="Loading keys" />
          )
        ) : rows.length === 0 ? (
          <EmptyState icon={<KeyRound />} title={`${tenant.name} has no keys yet`}>
            Create one, paste the line that comes with it, and the call shows up in your usage.
          </EmptyState>
        ) : (
          <Table label="Keys">
            <thead>
              <tr>
                <th>Name</th>
                <th>Key</th>
                <th>Kind</th>
                <th>Status</th>
                <th>Last used</th>
                <th>Expires</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((key) => (
                <tr key={key.id}>
                  <td className={tableStyles["strong"]} title={key.id}>
                    {key.name}
                  </td>
                  <td className={`${tableStyles["mono"]} ${tableStyles["muted"]}`}>{key.hint}</td>
                  <td>{key.kind === "service" ? "Tenant’s" : key.owner_id === me ? "Yours" : "Personal"}</td>
                  <td>
                    <KeyStatus status={key.status} />
                  </td>
                  <td className={tableStyles["muted"]}>
                    {key.last_used_at ? <RelativeTime iso={key.last_used_at} /> : "Never"}
                  </td>
                  <td className={tableStyles["muted"]}>
                    {key.expires_at ? <CalendarDate iso={key.expires_at} /> : "Never"}
                  </td>
                  <td className={tableStyles["actions"]}>
                    {mayChange(key) && (
                      <>
                        <Button
                          size="sm"
                          variant="ghost"
                          onClick={() => setEditing(key)}
                          aria-label={`Edit ${key.name}`}
                        >
                          Edit
                        </Button>
                        <Button
                          size="sm"
                          variant="ghost"
                          onClick={() => setRevoking(key)}
                          aria-label={`Revoke ${key.name}`}
                        >
                          Revoke
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
        hasMore={keys.hasNextPage}
        busy={keys.isFetchingNextPage}
        error={keys.isFetchNextPageError ? keys.error : null}
        onLoad={() => void keys.fetchNextPage()}
      />
      {editing && (
        <KeyDrawer
          door="user"
          apiKey={editing}
          mayLimit={tenant.permissions.includes("api_keys:write")}
          onRotated={(key) => {
            setEditing(undefined);
            onRotated(key);
          }}
          onClose={() => setEditing(undefined)}
        />
      )}
      {revoking && <RevokeDialog apiKey={revoking} onClose={() => setRevoking(undefined)} />}
    </>
  );
}

function RevokeDialog({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const revoke = useRevokeOwnKey(apiKey.tenant_id);
  const notify = useToast();
  return (
    <ConfirmDialog
      title={`Revoke “${apiKey.name}”?`}
      action="Revoke key"
      busy={revoke.isPending}
      error={revoke.error}
      onClose={onClose}
      onConfirm={() =>
        revoke.mutate(apiKey.id, {
          onSuccess: () => {
            notify(`Key “${apiKey.name}” is revoked`);
            onClose();
          },
        })
      }
    >
      Programs that use <code>{apiKey.hint}</code> are refused within a second. This cannot be undone.
    </ConfirmDialog>
  );
}

interface CreateDialogProps {
  tenant: OwnTenant;
  onClose: () => void;
  onCreated: (key: ApiKeyCreated) => void;
}

function CreateDialog({ tenant, onClose, onCreated }: CreateDialogProps) {
  const create = useCreateOwnKey(tenant.id);
  const mayServe = tenant.permissions.includes("api_keys:write");
  const [name, setName] = useState("");
  const [kind, setKind] = useState<"personal" | "service">("personal");
  const [lifetime, setLifetime] = useState("90");
  const [problem, setProblem] = useState<string>();

  const submit = () => {
    setProblem(name.trim() === "" ? "Give the key a name, so that you know later what uses it." : undefined);
    if (name.trim() === "") return;
    create.mutate(
      { name: name.trim(), kind, expires_at: expiryOf(lifetime, new Date()) },
      { onSuccess: (key) => onCreated(key) },
    );
  };

  return (
    <Dialog
      title="Create key"
      description={`For ${tenant.name}.`}
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={create.isPending}>
            Create key
          </Button>
        </>
      }
    >
      {create.isError && <FormError>{create.error.message}</FormError>}
      <Field label="Name" error={problem} hint="What will use it, for example “notebook”.">
        <TextInput data-autofocus value={name} maxLength={100} onChange={(event) => setName(event.target.value)} />
      </Field>
      {mayServe && (
        <Field label="Kind" hint="A personal key goes when you leave the tenant; one of the tenant’s stays.">
          <Select value={kind} onChange={(event) => setKind(event.target.value === "service" ? "service" : "personal")}>
            <option value="personal">Personal</option>
            <option value="service">The tenant’s</option>
          </Select>
        </Field>
      )}
      <Field label="Expires">
        <Select value={lifetime} onChange={(event) => setLifetime(event.target.value)}>
          {LIFETIMES.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </Select>
      </Field>
    </Dialog>
  );
}
