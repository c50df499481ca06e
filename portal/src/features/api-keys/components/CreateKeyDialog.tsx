import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { ApiKeyCreated } from "@/api/types";
import { allTenantsQuery } from "@/features/tenants/queries";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field, Select, TextInput } from "@/ui/Field";
import { FormError } from "@/ui/States";

import { LIFETIMES, expiryOf } from "../expiry";
import { useCreateApiKey } from "../queries";

interface CreateKeyDialogProps {
  tenant: string | undefined;
  onCreated: (key: ApiKeyCreated) => void;
  onClose: () => void;
}

export function CreateKeyDialog({ tenant, onCreated, onClose }: CreateKeyDialogProps) {
  const tenants = useQuery(allTenantsQuery);
  const create = useCreateApiKey();
  const [name, setName] = useState("");
  const [chosenTenant, setChosenTenant] = useState(tenant);
  const [lifetime, setLifetime] = useState<string>("never");
  const [nameError, setNameError] = useState<string>();
  const tenantId = chosenTenant ?? tenants.data?.find((candidate) => candidate.status === "active")?.id ?? "";

  const submit = () => {
    setNameError(name.trim() === "" ? "Give the key a name, so that you know later what uses it." : undefined);
    if (name.trim() === "" || tenantId === "") return;
    create.mutate(
      { tenantId, name: name.trim(), expiresAt: expiryOf(lifetime, new Date()) },
      { onSuccess: (key) => onCreated(key) },
    );
  };

  return (
    <Dialog
      title="Create API key"
      description="A key lets an application call the models of its tenant."
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={create.isPending} disabled={tenantId === ""}>
            Create key
          </Button>
        </>
      }
    >
      {create.isError && <FormError>{create.error.message}</FormError>}
      {tenants.isError && <FormError>{tenants.error.message}</FormError>}
      <Field label="Name" error={nameError} hint="What will use it, for example “search backend, production”.">
        <TextInput data-autofocus value={name} maxLength={200} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field
        label="Tenant"
        hint={tenants.data?.length === 0 ? "There is no tenant yet. Create one on the Tenants page first." : undefined}
      >
        <Select value={tenantId} disabled={!tenants.data} onChange={(event) => setChosenTenant(event.target.value)}>
          {(tenants.data ?? []).map((candidate) => (
            <option key={candidate.id} value={candidate.id}>
              {candidate.name}
              {candidate.status === "suspended" ? " (suspended)" : ""}
            </option>
          ))}
        </Select>
      </Field>
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
