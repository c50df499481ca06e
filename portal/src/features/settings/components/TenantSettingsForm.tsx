import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { TenantSettings } from "@/api/types";
import { ModelChoice } from "@/features/models/components/ModelChoice";
import { Field, Switch, TextInput } from "@/ui/Field";
import { useToast } from "@/ui/Toast";

import { tenantSettingsQuery, useSaveTenantSettings } from "../queries";
import { LoadedCard, SettingForm } from "./SettingCard";

export function TenantSettingsForm() {
  const settings = useQuery(tenantSettingsQuery);
  return (
    <LoadedCard title="Tenants" query={settings}>
      {(data) => <Form settings={data} />}
    </LoadedCard>
  );
}

function Form({ settings }: { settings: TenantSettings }) {
  const save = useSaveTenantSettings();
  const notify = useToast();
  const [form, setForm] = useState(settings);
  const [days, setDays] = useState(String(settings.retention_days));
  const [problem, setProblem] = useState<string>();
  const submit = () => {
    const whole = /^\d{1,4}$/.test(days.trim());
    setProblem(whole ? undefined : "A whole number of days, up to 3650.");
    if (!whole) return;
    save.mutate({ ...form, retention_days: Number(days) }, { onSuccess: () => notify("Settings saved") });
  };
  return (
    <SettingForm saving={save} onSubmit={submit}>
      <Switch
        label="A tenant of one’s own for everybody"
        hint="Made when somebody signs in first"
        checked={form.personal_tenants}
        onChange={(on) => setForm({ ...form, personal_tenants: on })}
      />
      <ModelChoice
        everyLabel="Personal tenants may call every model"
        chosen={form.default_models}
        onChange={(models) => setForm({ ...form, default_models: models === null ? null : [...models] })}
        noneNote="Personal tenants may call no model yet."
      />
      <Field label="Days until a deleted tenant is gone for good" error={problem}>
        <TextInput inputMode="numeric" value={days} onChange={(event) => setDays(event.target.value)} />
      </Field>
    </SettingForm>
  );
}
