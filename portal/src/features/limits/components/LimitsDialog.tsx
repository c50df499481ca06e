import { useQuery } from "@tanstack/react-query";
import { Plus, X } from "lucide-react";
import { useState } from "react";

import type { RateLimits } from "@/api/types";
import { count } from "@/lib/numbers";
import { Button, IconButton } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field, TextInput } from "@/ui/Field";
import { ErrorState, FormError, SkeletonRows } from "@/ui/States";
import { useToast } from "@/ui/Toast";

import {
  LIMIT_KINDS,
  type LimitFields,
  type LimitKind,
  NO_LIMITS,
  bodyOf,
  formOf,
  isEmpty,
  problemIn,
} from "../limits-form";
import { type LimitTarget, limitsQuery, useSaveLimits } from "../queries";
import styles from "./LimitsDialog.module.css";

interface LimitsDialogProps {
  target: LimitTarget;
  title: string;
  description: string;
  onClose: () => void;
}

/** What may be called in a minute and at once, in all and of single models. */
export function LimitsDialog({ target, title, description, onClose }: LimitsDialogProps) {
  // What somebody has begun to type is not replaced by what is read again meanwhile.
  const limits = useQuery({ ...limitsQuery(target), staleTime: Infinity, gcTime: 0 });
  if (limits.data) {
    return <Form limits={limits.data} target={target} title={title} description={description} onClose={onClose} />;
  }
  return (
    <Dialog title={title} description={description} onClose={onClose}>
      {limits.isError ? (
        <ErrorState error={limits.error} onRetry={() => void limits.refetch()} />
      ) : (
        <SkeletonRows label="Loading limits" />
      )}
    </Dialog>
  );
}

function Form({ limits, target, title, description, onClose }: LimitsDialogProps & { limits: RateLimits }) {
  const save = useSaveLimits(target);
  const notify = useToast();
  const [form, setForm] = useState(() => formOf(limits.own));
  const [problem, setProblem] = useState<string | null>(null);

  const submit = () => {
    const found = problemIn(form);
    setProblem(found);
    if (found !== null) return;
    save.mutate(isEmpty(form) ? null : bodyOf(form), {
      onSuccess: () => {
        notify("Limits are in force within a second");
        onClose();
      },
    });
  };
  const setModel = (position: number, change: { alias?: string; fields?: LimitFields }) =>
    setForm({
      ...form,
      models: form.models.map((model, index) => (index === position ? { ...model, ...change } : model)),
    });

  return (
    <Dialog
      title={title}
      description={description}
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            Save limits
          </Button>
        </>
      }
    >
      {problem && <FormError>{problem}</FormError>}
      {save.isError && <FormError>{save.error.message}</FormError>}
      <Limits
        fields={form.every}
        onChange={(every) => setForm({ ...form, every })}
        hint={(kind) => {
          const now = limits.effective[kind];
          return now === null ? "No limit now" : `Now ${count(now)}`;
        }}
      />
      {form.models.map((model, position) => (
        // oxlint-disable-next-line react/no-array-index-key -- the name is what is being typed
        <fieldset key={position} className={styles["model"]}>
          <legend>Of one model</legend>
          <IconButton
            label={`Remove the limits of ${model.alias || "this model"}`}
            icon={<X aria-hidden />}
            className={styles["remove"]}
            onClick={() => setForm({ ...form, models: form.models.filter((_, index) => index !== position) })}
          />
          <Field label="Model">
            <TextInput value={model.alias} onChange={(event) => setModel(position, { alias: event.target.value })} />
          </Field>
          <Limits fields={model.fields} onChange={(fields) => setModel(position, { fields })} />
        </fieldset>
      ))}
      <Button
        icon={<Plus aria-hidden />}
        onClick={() => setForm({ ...form, models: [...form.models, { alias: "", fields: NO_LIMITS }] })}
      >
        Limit one model
      </Button>
    </Dialog>
  );
}

interface LimitsProps {
  fields: LimitFields;
  onChange: (fields: LimitFields) => void;
  hint?: (kind: LimitKind) => string;
}

function Limits({ fields, onChange, hint }: LimitsProps) {
  return (
    <div className={styles["limits"]}>
      {(Object.keys(LIMIT_KINDS) as LimitKind[]).map((kind) => (
        <Field key={kind} label={LIMIT_KINDS[kind]} hint={hint?.(kind)}>
          <TextInput
            inputMode="numeric"
            placeholder="None of its own"
            value={fields[kind]}
            onChange={(event) => onChange({ ...fields, [kind]: event.target.value })}
          />
        </Field>
      ))}
    </div>
  );
}
