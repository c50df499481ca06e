import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { AlertSettings } from "@/api/types";
import { useSession } from "@/features/session/queries";
import { Button } from "@/ui/Button";
import { Field, Select, TextInput } from "@/ui/Field";
import { FormError } from "@/ui/States";
import { useToast } from "@/ui/Toast";

import { type MailErrors, bodyOf, errorsIn, formOf } from "../mail-form";
import { alertSettingsQuery, useSaveAlertSettings, useTestEmail } from "../queries";
import { LoadedCard, SettingForm } from "./SettingCard";

export function MailForm() {
  const settings = useQuery(alertSettingsQuery);
  return (
    <LoadedCard title="Mail server" query={settings}>
      {(data) => <Form settings={data} />}
    </LoadedCard>
  );
}

function Form({ settings }: { settings: AlertSettings }) {
  const save = useSaveAlertSettings();
  const notify = useToast();
  const [form, setForm] = useState(() => formOf(settings));
  const [errors, setErrors] = useState<MailErrors>({});
  const set = (change: Partial<typeof form>) => setForm({ ...form, ...change });
  const submit = () => {
    const found = errorsIn(form);
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    save.mutate(bodyOf(form, settings), {
      onSuccess: () => {
        set({ password: "" });
        notify("Mail server saved");
      },
    });
  };
  return (
    <SettingForm saving={save} onSubmit={submit} actions={settings.smtp && <TestMail />}>
      {settings.smtp === null && <p>None is set here: the one of the service’s own configuration is used, if any.</p>}
      <Field label="Host" error={errors.host}>
        <TextInput value={form.host} onChange={(event) => set({ host: event.target.value })} />
      </Field>
      <Field label="Port" error={errors.port}>
        <TextInput inputMode="numeric" value={form.port} onChange={(event) => set({ port: event.target.value })} />
      </Field>
      <Field label="Encryption">
        <Select
          value={form.security}
          onChange={(event) => set({ security: event.target.value as typeof form.security })}
        >
          <option value="starttls">STARTTLS</option>
          <option value="tls">TLS from the start</option>
          <option value="none">None</option>
        </Select>
      </Field>
      <Field label="User name" error={errors.username} optional>
        <TextInput value={form.username} onChange={(event) => set({ username: event.target.value })} />
      </Field>
      <Field
        label="Password"
        hint={
          settings.smtp?.password_set ? "One is set. Empty keeps it; another host or user needs it again." : undefined
        }
        optional
      >
        <TextInput
          type="password"
          autoComplete="new-password"
          value={form.password}
          onChange={(event) => set({ password: event.target.value })}
        />
      </Field>
      <Field label="From" error={errors.from}>
        <TextInput type="email" value={form.from} onChange={(event) => set({ from: event.target.value })} />
      </Field>
    </SettingForm>
  );
}

function TestMail() {
  const test = useTestEmail();
  const notify = useToast();
  const { email } = useSession().user;
  const send = () =>
    test.mutate(email, {
      onSuccess: (alert) => {
        const error = alert.deliveries?.[0]?.attempts[0]?.error;
        notify(error === null || error === undefined ? `A mail is on its way to ${email}` : `It failed: ${error}`);
      },
    });
  return (
    <>
      <Button busy={test.isPending} onClick={send}>
        Send me a test
      </Button>
      {test.isError && <FormError>{test.error.message}</FormError>}
    </>
  );
}
