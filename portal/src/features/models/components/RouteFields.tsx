import { Trash2 } from "lucide-react";

import type { Provider } from "@/api/types";
import { pricePerMillion } from "@/lib/money";
import { lineName } from "@/lib/price-kinds";
import { Button, IconButton } from "@/ui/Button";
import { Field, Select, TextInput } from "@/ui/Field";

import type { FormErrors, RouteForm } from "../model-form";
import styles from "./RouteFields.module.css";

interface RouteFieldsProps {
  position: number;
  route: RouteForm;
  providers: readonly Provider[];
  errors: FormErrors;
  onChange: (change: Partial<RouteForm>) => void;
  onRemove: (() => void) | undefined;
}

export function RouteFields({ position, route, providers, errors, onChange, onRemove }: RouteFieldsProps) {
  const provider = providers.find((candidate) => candidate.name === route.provider);
  const error = (field: string) => errors[`${route.row}.${field}`];
  const stored = route.hasCredential && !route.removeCredential;
  return (
    <fieldset className={styles["route"]}>
      <legend>Route {position}</legend>
      {onRemove && (
        <IconButton
          className={styles["remove"]}
          label={`Remove route ${position}`}
          icon={<Trash2 aria-hidden />}
          onClick={onRemove}
        />
      )}
      <div className={styles["pair"]}>
        <Field label="Provider" hint={provider?.description}>
          <Select value={route.provider} onChange={(event) => onChange({ provider: event.target.value })}>
            {providers.map((candidate) => (
              <option key={candidate.name} value={candidate.name}>
                {candidate.name}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="Provider's model" error={error("model")}>
          <TextInput mono value={route.model} onChange={(event) => onChange({ model: event.target.value })} />
        </Field>
      </div>
      <Field label="Base URL" optional={Boolean(provider?.default_base_url)} error={error("baseUrl")}>
        <TextInput
          mono
          type="url"
          placeholder={provider?.default_base_url ?? "https://models.example.com/v1"}
          value={route.baseUrl}
          onChange={(event) => onChange({ baseUrl: event.target.value })}
        />
      </Field>
      <Field
        label="Provider API key"
        optional={provider?.needs_credential !== true}
        error={error("credential")}
        hint={
          stored ? "One is stored, encrypted. Leave empty to keep it." : "Stored encrypted. It cannot be read back."
        }
      >
        <div className={styles["credential"]}>
          <TextInput
            mono
            type="password"
            aria-label="Provider API key"
            autoComplete="new-password"
            placeholder={stored ? "••••••••••••" : ""}
            value={route.credential}
            onChange={(event) => onChange({ credential: event.target.value })}
          />
          {route.hasCredential && route.credential === "" && (
            <Button onClick={() => onChange({ removeCredential: !route.removeCredential })}>
              {route.removeCredential ? "Keep" : "Remove"}
            </Button>
          )}
        </div>
      </Field>
      <div className={styles["prices"]}>
        <p>
          Price in USD per million tokens. Empty means free; empty cached input costs as input does.
          {route.id === null && " With all three empty, a new route costs what the price list says."}
          {Object.keys(route.otherPrices).length > 0 &&
            ` Other prices stay: ${Object.entries(route.otherPrices)
              .map(([kind, price]) => `${lineName(kind)} ${pricePerMillion(price)}`)
              .join(", ")}.`}
        </p>
        <Field label="Input" error={error("input")}>
          <TextInput
            inputMode="decimal"
            value={route.input}
            onChange={(event) => onChange({ input: event.target.value })}
          />
        </Field>
        <Field label="Cached input" error={error("cachedInput")}>
          <TextInput
            inputMode="decimal"
            value={route.cachedInput}
            onChange={(event) => onChange({ cachedInput: event.target.value })}
          />
        </Field>
        <Field label="Output" error={error("output")}>
          <TextInput
            inputMode="decimal"
            value={route.output}
            onChange={(event) => onChange({ output: event.target.value })}
          />
        </Field>
      </div>
    </fieldset>
  );
}
