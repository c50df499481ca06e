import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { DefaultBudget } from "@/api/types";
import { type BudgetErrors, SCHEDULES, errorsIn, inputOf } from "@/features/budgets/budget-form";
import { Button } from "@/ui/Button";
import { Field, Select, Switch, TextInput } from "@/ui/Field";
import { useToast } from "@/ui/Toast";

import { budgetSettingsQuery, useSaveDefaultBudget } from "../queries";
import { LoadedCard, SettingForm } from "./SettingCard";

export function DefaultBudgetForm() {
  const budget = useQuery(budgetSettingsQuery);
  return (
    <LoadedCard title="Default budget" query={budget}>
      {(data) => <Form key={JSON.stringify(data)} budget={data} />}
    </LoadedCard>
  );
}

function Form({ budget }: { budget: DefaultBudget | null }) {
  const save = useSaveDefaultBudget();
  const notify = useToast();
  const [form, setForm] = useState({
    // A default has no name of its own: each tenant's says that it is one.
    name: "default",
    amount: budget?.amount_usd ?? "",
    schedule: budget?.schedule ?? "calendar_month",
    hard: budget?.hard ?? true,
    warnAt: String(budget?.warn_at ?? 80),
    alertAt: (budget?.alert_at ?? []).join(", "),
  });
  const [errors, setErrors] = useState<BudgetErrors>({});
  const submit = () => {
    const found = errorsIn(form);
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    const { name: _, ...input } = inputOf(form);
    save.mutate(input, { onSuccess: () => notify("Every tenant without a budget of its own has this one") });
  };
  return (
    <SettingForm
      saving={save}
      onSubmit={submit}
      actions={
        budget !== null && (
          <Button
            disabled={save.isPending}
            onClick={() => save.mutate(null, { onSuccess: () => notify("There is no default budget any more") })}
          >
            Have none
          </Button>
        )
      }
    >
      <p>{budget === null ? "There is none: tenants without a budget may spend what they like." : null}</p>
      <Field label="Amount in USD, for each tenant" error={errors.amount}>
        <TextInput
          inputMode="decimal"
          value={form.amount}
          onChange={(event) => setForm({ ...form, amount: event.target.value })}
        />
      </Field>
      <Field label="Renewed">
        <Select value={form.schedule} onChange={(event) => setForm({ ...form, schedule: event.target.value })}>
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
        onChange={(hard) => setForm({ ...form, hard })}
      />
      <Field label="Warn callers from (%)" error={errors.warnAt}>
        <TextInput
          inputMode="numeric"
          value={form.warnAt}
          onChange={(event) => setForm({ ...form, warnAt: event.target.value })}
        />
      </Field>
      <Field label="Tell people also at (%)" error={errors.alertAt} optional>
        <TextInput value={form.alertAt} onChange={(event) => setForm({ ...form, alertAt: event.target.value })} />
      </Field>
    </SettingForm>
  );
}
