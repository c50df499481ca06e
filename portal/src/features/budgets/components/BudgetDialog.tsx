import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Budget } from "@/api/types";
import { allTenantsQuery } from "@/features/tenants/queries";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field, Select, Switch, TextInput } from "@/ui/Field";
import { FormError } from "@/ui/States";
import { useToast } from "@/ui/Toast";

import { type BudgetErrors, type BudgetForm, SCHEDULES, errorsIn, formOf, inputOf } from "../budget-form";
import { useChangeBudget, useCreateBudget } from "../queries";

/** Makes a budget for the installation or a tenant, or changes one. */
export function BudgetDialog({ budget, onClose }: { budget: Budget | undefined; onClose: () => void }) {
  const create = useCreateBudget();
  const change = useChangeBudget(budget?.id ?? "");
  const notify = useToast();
  const [form, setForm] = useState<BudgetForm>(() => formOf(budget));
  const [errors, setErrors] = useState<BudgetErrors>({});
  const [tenant, setTenant] = useState("");
  const failure = create.error ?? change.error;
  const set = (fields: Partial<BudgetForm>) => setForm({ ...form, ...fields });

  const submit = () => {
    const found = errorsIn(form);
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    const done = {
      onSuccess: () => {
        notify(budget ? "Budget saved" : `Budget ${form.name.trim()} created`);
        onClose();
      },
    };
    if (budget) change.mutate(inputOf(form), done);
    else create.mutate({ ...inputOf(form), scope: tenant === "" ? "installation" : "tenant", subject: tenant }, done);
  };

  return (
    <Dialog
      title={budget ? "Edit budget" : "Create budget"}
      description="Counted from what was spent in its period before, too."
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={create.isPending || change.isPending}>
            {budget ? "Save" : "Create budget"}
          </Button>
        </>
      }
    >
      {failure && <FormError>{failure.message}</FormError>}
      <Field label="Name" error={errors.name}>
        <TextInput
          data-autofocus
          value={form.name}
          maxLength={100}
          onChange={(event) => set({ name: event.target.value })}
        />
      </Field>
      {budget === undefined && <TenantField tenant={tenant} onChange={setTenant} />}
      <Field label="Amount in USD" error={errors.amount}>
        <TextInput inputMode="decimal" value={form.amount} onChange={(event) => set({ amount: event.target.value })} />
      </Field>
      <Field label="Renewed">
        <Select value={form.schedule} onChange={(event) => set({ schedule: event.target.value })}>
          {Object.entries({ ...SCHEDULES, [form.schedule]: SCHEDULES[form.schedule] ?? form.schedule }).map(
            ([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ),
          )}
        </Select>
      </Field>
      <Switch
        label="Refuse calls beyond it"
        hint="Otherwise callers are only warned"
        checked={form.hard}
        onChange={(hard) => set({ hard })}
      />
      <Field label="Warn callers from (%)" error={errors.warnAt}>
        <TextInput inputMode="numeric" value={form.warnAt} onChange={(event) => set({ warnAt: event.target.value })} />
      </Field>
      <Field label="Tell people also at (%)" error={errors.alertAt} hint="Besides the warning and 100 %" optional>
        <TextInput value={form.alertAt} onChange={(event) => set({ alertAt: event.target.value })} />
      </Field>
    </Dialog>
  );
}

function TenantField({ tenant, onChange }: { tenant: string; onChange: (tenant: string) => void }) {
  const tenants = useQuery(allTenantsQuery);
  return (
    <Field label="For">
      <Select value={tenant} onChange={(event) => onChange(event.target.value)}>
        <option value="">The whole installation</option>
        {(tenants.data ?? []).map((each) => (
          <option key={each.id} value={each.id}>
            {each.name}
          </option>
        ))}
      </Select>
    </Field>
  );
}
