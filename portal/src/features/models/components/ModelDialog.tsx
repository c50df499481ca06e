import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useRef, useState } from "react";

import type { Model, Provider } from "@/api/types";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { Field, Switch, TextInput } from "@/ui/Field";
import { ErrorState, FormError, Skeleton } from "@/ui/States";
import { useToast } from "@/ui/Toast";

import { type FormErrors, type ModelForm, type RouteForm, bodyOf, checkForm, emptyRoute, formOf } from "../model-form";
import { allModelsQuery, providersQuery, useSaveModel } from "../queries";
import { RouteFields } from "./RouteFields";
import styles from "./ModelDialog.module.css";

interface ModelDialogProps {
  model: Model | undefined;
  onClose: () => void;
}

/** Adds a model to the catalog or changes one. */
export function ModelDialog({ model, onClose }: ModelDialogProps) {
  const providers = useQuery(providersQuery);
  if (providers.data !== undefined) return <Editor model={model} providers={providers.data} onClose={onClose} />;
  return (
    <Dialog wide title={model ? model.alias : "Add model"} onClose={onClose}>
      {providers.isError ? (
        <ErrorState error={providers.error} onRetry={() => void providers.refetch()} />
      ) : (
        <Skeleton height="16rem" />
      )}
    </Dialog>
  );
}

function Editor({ model, providers, onClose }: ModelDialogProps & { providers: readonly Provider[] }) {
  const save = useSaveModel();
  const catalog = useQuery(allModelsQuery);
  const notify = useToast();
  const nextRow = useRef((model?.routes.length ?? 0) + 1);
  const firstProvider = providers[0]?.name ?? "";
  const [form, setForm] = useState<ModelForm>(
    model ? formOf(model) : { alias: "", enabled: true, routes: [emptyRoute(0, firstProvider)] },
  );
  const [errors, setErrors] = useState<FormErrors>({});

  const changeRoute = (row: number, change: Partial<RouteForm>) =>
    setForm((current) => ({
      ...current,
      routes: current.routes.map((route) => (route.row === row ? { ...route, ...change } : route)),
    }));
  const addRoute = () => {
    const row = nextRow.current++;
    setForm((current) => ({ ...current, routes: [...current.routes, emptyRoute(row, firstProvider)] }));
  };
  const removeRoute = (row: number) =>
    setForm((current) => ({ ...current, routes: current.routes.filter((route) => route.row !== row) }));

  const submit = () => {
    const found = checkForm(form, providers);
    // Saving is a PUT: adding a name that exists would silently replace that model.
    if (!model && catalog.data?.some((other) => other.alias === form.alias.trim())) {
      found["alias"] = "A model of this name exists already. Edit that one.";
    }
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    const alias = form.alias.trim();
    save.mutate(
      { alias, body: bodyOf(form) },
      {
        onSuccess: () => {
          notify(model ? `${alias} saved` : `${alias} added`);
          onClose();
        },
      },
    );
  };

  return (
    <Dialog
      wide
      title={model ? `Edit ${model.alias}` : "Add model"}
      description="Clients ask for the name; the gateway sends the call to one of its routes."
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" busy={save.isPending}>
            {model ? "Save" : "Add model"}
          </Button>
        </>
      }
    >
      {save.isError && <FormError>{save.error.message}</FormError>}
      {!model && (
        <Field
          label="Name"
          error={errors["alias"]}
          hint="What clients put in the field “model”, for example “fast-chat”."
        >
          <TextInput
            mono
            data-autofocus
            value={form.alias}
            onChange={(event) => setForm((current) => ({ ...current, alias: event.target.value }))}
          />
        </Field>
      )}
      <Switch
        label="Enabled"
        hint="Calls to a disabled model are refused"
        checked={form.enabled}
        onChange={(enabled) => setForm((current) => ({ ...current, enabled }))}
      />
      {form.routes.map((route, index) => (
        <RouteFields
          key={route.row}
          position={index + 1}
          route={route}
          providers={providers}
          errors={errors}
          onChange={(change) => changeRoute(route.row, change)}
          onRemove={form.routes.length > 1 ? () => removeRoute(route.row) : undefined}
        />
      ))}
      <Button className={styles["add"]} size="sm" icon={<Plus aria-hidden />} onClick={addRoute}>
        Add route
      </Button>
    </Dialog>
  );
}
