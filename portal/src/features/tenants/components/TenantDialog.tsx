import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Tenant } from "@/api/types";
import { allModelsQuery } from "@/features/models/queries";
import { usePermission } from "@/features/session/queries";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field, Switch, TextInput } from "@/ui/Field";
import { FormError, Skeleton } from "@/ui/States";
import { useToast } from "@/ui/Toast";

import { useSaveTenant } from "../queries";
import styles from "./TenantDialog.module.css";

/** Creates a tenant, or changes its name and the models it may call. */
export function TenantDialog({ tenant, onClose }: { tenant: Tenant | undefined; onClose: () => void }) {
  const save = useSaveTenant(tenant?.id);
  const notify = useToast();
  const [name, setName] = useState(tenant?.name ?? "");
  const [nameError, setNameError] = useState<string>();
  const [models, setModels] = useState<string[] | null>(tenant?.models ?? null);

  const submit = () => {
    if (name.trim() === "") {
      setNameError("Give the tenant a name.");
      return;
    }
    save.mutate(
      { name: name.trim(), models },
      {
        onSuccess: () => {
          notify(tenant ? "Tenant saved" : `Tenant ${name.trim()} created`);
          onClose();
        },
      },
    );
  };

  return (
    <Dialog
      title={tenant ? "Edit tenant" : "Create tenant"}
      description="A tenant owns API keys. Its usage and cost are counted separately."
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            {tenant ? "Save" : "Create tenant"}
          </Button>
        </>
      }
    >
      {save.isError && <FormError>{save.error.message}</FormError>}
      <Field label="Name" error={nameError}>
        <TextInput data-autofocus value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Switch
        label="Every model"
        hint="Also those that are added later"
        checked={models === null}
        onChange={(every) => setModels(every ? null : [])}
      />
      {models !== null && <ModelChoice chosen={models} onChange={setModels} />}
    </Dialog>
  );
}

function ModelChoice({ chosen, onChange }: { chosen: string[]; onChange: (models: string[]) => void }) {
  const allowed = usePermission("catalog:read");
  const catalog = useQuery({ ...allModelsQuery, enabled: allowed });
  if (allowed && catalog.isPending) return <Skeleton height="6rem" />;
  // A model on the list may since have left the catalog; it stays visible, so that it can be taken off.
  const aliases = [...new Set([...(catalog.data ?? []).map((model) => model.alias), ...chosen])].toSorted();
  return (
    <fieldset className={styles["models"]}>
      <legend>Models it may call</legend>
      {aliases.length === 0 && <p>The catalog is empty. Add a model first.</p>}
      {aliases.map((alias) => (
        <label key={alias}>
          <input
            type="checkbox"
            checked={chosen.includes(alias)}
            onChange={(event) =>
              onChange(event.target.checked ? [...chosen, alias] : chosen.filter((other) => other !== alias))
            }
          />
          {alias}
        </label>
      ))}
      {chosen.length === 0 && <p>Without a model, every call of this tenant is refused.</p>}
    </fieldset>
  );
}
