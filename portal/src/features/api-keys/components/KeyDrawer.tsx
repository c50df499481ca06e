import { useState } from "react";

import type { ApiKey, ApiKeyCreated } from "@/api/types";
import { LimitsDialog } from "@/features/limits/components/LimitsDialog";
import type { Door } from "@/features/members/queries";
import { ModelChoice } from "@/features/models/components/ModelChoice";
import { fullDateTime } from "@/lib/time";
import { Button } from "@/ui/Button";
import { Checklist } from "@/ui/Checklist";
import { Drawer } from "@/ui/Dialog";
import { Field, Select, Switch, TextInput } from "@/ui/Field";
import { FormError } from "@/ui/States";
import { useToast } from "@/ui/Toast";

import { type KeyErrors, SCOPES, type Scope, bodyOf, errorsIn, formOf } from "../key-form";
import { useRotateApiKey, useUpdateApiKey } from "../queries";
import styles from "./KeyDrawer.module.css";

interface KeyDrawerProps {
  door: Door;
  apiKey: ApiKey;
  mayLimit: boolean;
  onRotated: (key: ApiKeyCreated) => void;
  onClose: () => void;
}

/** All that can be said of a key after it was made: what it may do, its limits, a new secret, a pause. */
export function KeyDrawer({ door, apiKey, mayLimit, onRotated, onClose }: KeyDrawerProps) {
  const update = useUpdateApiKey(door, apiKey);
  const notify = useToast();
  const [form, setForm] = useState(() => formOf(apiKey));
  const [errors, setErrors] = useState<KeyErrors>({});
  const [limiting, setLimiting] = useState(false);
  const suspended = apiKey.suspended_at !== null;

  const submit = () => {
    const found = errorsIn(form);
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    update.mutate(bodyOf(form), {
      onSuccess: () => {
        notify("Key saved");
        onClose();
      },
    });
  };
  const pause = () =>
    update.mutate(
      { suspended: !suspended },
      {
        onSuccess: () => {
          notify(suspended ? `Key “${apiKey.name}” works again` : `Key “${apiKey.name}” is suspended`);
          onClose();
        },
      },
    );

  return (
    <>
      <Drawer
        title={apiKey.name}
        description={`${apiKey.hint} of ${apiKey.tenant_name}`}
        onClose={onClose}
        onSubmit={submit}
        footer={
          <>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" variant="primary" busy={update.isPending}>
              Save key
            </Button>
          </>
        }
      >
        {update.isError && <FormError>{update.error.message}</FormError>}
        <div className={styles["actions"]}>
          {mayLimit && <Button onClick={() => setLimiting(true)}>Limits</Button>}
          <Button onClick={pause} disabled={update.isPending}>
            {suspended ? "Let it work again" : "Suspend"}
          </Button>
        </div>
        <Rotation door={door} apiKey={apiKey} onRotated={onRotated} />
        <Field label="Name" error={errors.name}>
          <TextInput
            value={form.name}
            maxLength={100}
            onChange={(event) => setForm({ ...form, name: event.target.value })}
          />
        </Field>
        <Switch
          label="Every operation"
          hint="Also those that are added later"
          checked={form.scopes === null}
          onChange={(every) => setForm({ ...form, scopes: every ? null : ["chat"] })}
        />
        {form.scopes !== null && (
          <Checklist
            legend="Operations it may call"
            options={SCOPES}
            chosen={form.scopes}
            onChange={(chosen) => setForm({ ...form, scopes: chosen as Scope[] })}
            note={form.scopes.length === 0 && "Without an operation, every call of this key is refused."}
          />
        )}
        <ModelChoice
          everyLabel="Every model of its tenant"
          chosen={form.models}
          onChange={(models) => setForm({ ...form, models })}
          noneNote="Without a model, every call of this key is refused."
        />
        <Field label="Only from" hint="Addresses and networks; empty is everywhere" error={errors.addresses} optional>
          <TextInput
            mono
            value={form.addresses}
            onChange={(event) => setForm({ ...form, addresses: event.target.value })}
          />
        </Field>
        <Field label="Tags" hint="Such as team=search, env=prod: usage is counted by them" error={errors.tags} optional>
          <TextInput value={form.tags} onChange={(event) => setForm({ ...form, tags: event.target.value })} />
        </Field>
      </Drawer>
      {limiting && (
        <LimitsDialog
          target={{ of: "key", door, tenantId: apiKey.tenant_id, keyId: apiKey.id }}
          title={`Limits of “${apiKey.name}”`}
          description="Besides those of its tenant: the strictest holds."
          onClose={() => setLimiting(false)}
        />
      )}
    </>
  );
}

const GRACES = [
  { seconds: 0, label: "At once" },
  { seconds: 3600, label: "After an hour" },
  { seconds: 86_400, label: "After a day" },
  { seconds: 7 * 86_400, label: "After a week" },
] as const;

function Rotation({ door, apiKey, onRotated }: Pick<KeyDrawerProps, "door" | "apiKey" | "onRotated">) {
  const rotate = useRotateApiKey(door, apiKey);
  const [grace, setGrace] = useState(86_400);
  const still = apiKey.previous_ends_at;
  return (
    <div className={styles["rotation"]}>
      {rotate.isError && <FormError>{rotate.error.message}</FormError>}
      <Field
        label="The present secret ends"
        hint={still ? `${apiKey.previous_hint} works until ${fullDateTime(still)}` : undefined}
      >
        <Select value={grace} onChange={(event) => setGrace(Number(event.target.value))}>
          {GRACES.map(({ seconds, label }) => (
            <option key={seconds} value={seconds}>
              {label}
            </option>
          ))}
        </Select>
      </Field>
      <Button busy={rotate.isPending} onClick={() => rotate.mutate(grace, { onSuccess: onRotated })}>
        Make a new secret
      </Button>
    </div>
  );
}
