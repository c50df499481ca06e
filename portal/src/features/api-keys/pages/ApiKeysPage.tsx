import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { KeyRound, Plus } from "lucide-react";
import { useState } from "react";

import type { ApiKey, ApiKeyCreated } from "@/api/types";
import { Allowed } from "@/features/session/components/Allowed";
import { usePermission } from "@/features/session/queries";
import { TenantFilter } from "@/features/tenants/components/TenantFilter";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { LoadMore } from "@/ui/LoadMore";
import { Page } from "@/ui/Page";
import { EmptyState, ErrorState, SkeletonRows } from "@/ui/States";
import { useToast } from "@/ui/Toast";

import { CreateKeyDialog } from "../components/CreateKeyDialog";
import { KeyDrawer } from "../components/KeyDrawer";
import { KeyTable } from "../components/KeyTable";
import { RevealKeyDialog } from "../components/RevealKeyDialog";
import { apiKeyListQuery, useRevokeApiKey } from "../queries";

export function ApiKeysPage() {
  return (
    <Allowed permission="api_keys:read">
      <ApiKeys />
    </Allowed>
  );
}

function ApiKeys() {
  const { tenant } = useSearch({ from: "/signed-in/api-keys" });
  const navigate = useNavigate({ from: "/api-keys" });
  const keys = useInfiniteQuery(apiKeyListQuery(tenant));
  // Creating needs the list of tenants to choose from.
  const mayCreate = [usePermission("api_keys:write"), usePermission("tenants:read")].every(Boolean);
  const [creating, setCreating] = useState(false);
  const [created, setCreated] = useState<ApiKeyCreated>();
  const [editing, setEditing] = useState<ApiKey>();
  const [revoking, setRevoking] = useState<ApiKey>();
  const rows = keys.data?.pages.flatMap((page) => page.data);
  const createButton = mayCreate && (
    <Button variant="primary" icon={<Plus aria-hidden />} onClick={() => setCreating(true)}>
      Create key
    </Button>
  );

  return (
    <Page
      title="API keys"
      description="Keys let applications call models. A revoked key stops working within a second."
      actions={
        <>
          <TenantFilter
            value={tenant}
            onChange={(next) => void navigate({ search: { tenant: next }, replace: true })}
          />
          {createButton}
        </>
      }
    >
      <Card flush>
        {rows === undefined ? (
          keys.isError ? (
            <ErrorState error={keys.error} onRetry={() => void keys.refetch()} />
          ) : (
            <SkeletonRows label="Loading API keys" />
          )
        ) : rows.length === 0 ? (
          <EmptyState
            icon={<KeyRound />}
            title={tenant ? "This tenant has no keys" : "No API keys yet"}
            action={createButton}
          >
            Create a key, paste the curl line that comes with it, and watch the call arrive on the Calls page.
          </EmptyState>
        ) : (
          <KeyTable keys={rows} onEdit={setEditing} onRevoke={setRevoking} />
        )}
      </Card>
      <LoadMore
        hasMore={keys.hasNextPage}
        busy={keys.isFetchingNextPage}
        error={keys.isFetchNextPageError ? keys.error : null}
        onLoad={() => void keys.fetchNextPage()}
      />
      {creating && (
        <CreateKeyDialog
          tenant={tenant}
          onClose={() => setCreating(false)}
          onCreated={(key) => {
            setCreating(false);
            setCreated(key);
          }}
        />
      )}
      {editing && (
        <KeyDrawer
          door="admin"
          apiKey={editing}
          mayLimit
          onRotated={(key) => {
            setEditing(undefined);
            setCreated(key);
          }}
          onClose={() => setEditing(undefined)}
        />
      )}
      {created && <RevealKeyDialog apiKey={created} onClose={() => setCreated(undefined)} />}
      {revoking && <RevokeDialog apiKey={revoking} onClose={() => setRevoking(undefined)} />}
    </Page>
  );
}

function RevokeDialog({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const revoke = useRevokeApiKey();
  const notify = useToast();
  const confirm = () =>
    revoke.mutate(
      { tenantId: apiKey.tenant_id, keyId: apiKey.id },
      {
        onSuccess: () => {
          notify(`Key “${apiKey.name}” is revoked`);
          onClose();
        },
      },
    );
  return (
    <ConfirmDialog
      title={`Revoke “${apiKey.name}”?`}
      action="Revoke key"
      busy={revoke.isPending}
      error={revoke.error}
      onConfirm={confirm}
      onClose={onClose}
    >
      Applications that use <code>{apiKey.hint}</code> are refused within a second. This cannot be undone.
    </ConfirmDialog>
  );
}
