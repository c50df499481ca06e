import { useState } from "react";

import type { Tenant } from "@/api/types";
import { ModelChoice } from "@/features/models/components/ModelChoice";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field, TextInput } from "@/ui/Field";
import { FormError } from "@/ui/States";
import { useToast } from "@/ui/Toast";

import { useSaveTenant } from "../queries";

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
      <ModelChoice
        chosen={models}
        onChange={setModels}
        noneNote="Without a model, every call of this tenant is refused."
      />
    </Dialog>
  );
}
