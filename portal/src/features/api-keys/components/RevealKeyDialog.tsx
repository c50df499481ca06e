import { useQuery } from "@tanstack/react-query";

import type { ApiKeyCreated } from "@/api/types";
import { gatewayQuery } from "@/features/gateway/queries";
import { allModelsQuery } from "@/features/models/queries";
import { usePermission } from "@/features/session/queries";
import { allTenantsQuery } from "@/features/tenants/queries";
import { Button } from "@/ui/Button";
import { CodeBlock, CopyButton } from "@/ui/Copy";
import { Dialog } from "@/ui/Dialog";
import { Skeleton } from "@/ui/States";

import { curlLine, exampleModel } from "../curl-line";
import styles from "./RevealKeyDialog.module.css";

/** The one time that a secret is on screen. It closes by its button only, so that no stray click loses the key. */
export function RevealKeyDialog({ apiKey, onClose }: { apiKey: ApiKeyCreated; onClose: () => void }) {
  const mayReadCatalog = usePermission("catalog:read");
  const gateway = useQuery(gatewayQuery);
  const mayReadTenants = usePermission("tenants:read");
  const tenants = useQuery({ ...allTenantsQuery, enabled: mayReadTenants });
  const catalog = useQuery({ ...allModelsQuery, enabled: mayReadCatalog });
  const allowed = tenants.data?.find((tenant) => tenant.id === apiKey.tenant_id)?.models ?? null;
  const model = catalog.data ? exampleModel(catalog.data, allowed) : null;
  const loading = gateway.isPending || (mayReadCatalog && catalog.isPending);

  return (
    <Dialog
      wide
      sticky
      title={`Key “${apiKey.name}” is ready`}
      description={`It belongs to ${apiKey.tenant_name} and works from now on.`}
      onClose={onClose}
      footer={
        <Button variant="primary" onClick={onClose}>
          I have copied it
        </Button>
      }
    >
      <div className={styles["secret"]}>
        <code data-testid="api-key-secret">{apiKey.secret}</code>
        <CopyButton text={apiKey.secret} label="Copy key" />
      </div>
      <p className={styles["warning"]}>
        This is the only time that the whole key is shown. Keep it where you keep passwords.
      </p>
      {loading ? (
        <Skeleton height="7rem" />
      ) : gateway.data && model !== null ? (
        <CodeBlock label="Try it" text={curlLine(gateway.data.base_url, apiKey.secret, model)} />
      ) : (
        <p className={styles["note"]}>
          {gateway.data
            ? `${mayReadCatalog ? "There is no model yet that this tenant may call. " : ""}The address is ${gateway.data.base_url}/v1.`
            : "The gateway's address could not be loaded."}
        </p>
      )}
    </Dialog>
  );
}
