/** What a key may do, as a person types it. */
import type { ApiKey, ApiKeyUpdate } from "@/api/types";

export type Scope = NonNullable<ApiKey["scopes"]>[number];

export const SCOPES: readonly Scope[] = [
  "chat",
  "completions",
  "responses",
  "embeddings",
  "images",
  "audio",
  "moderations",
  "rerank",
  "files",
  "batches",
  "models",
];

export interface KeyForm {
  name: string;
  /** Null means every operation. */
  scopes: readonly Scope[] | null;
  /** Null means every model that its tenant may call. */
  models: readonly string[] | null;
  /** Networks and addresses, apart by commas or spaces; empty means from everywhere. */
  addresses: string;
  /** "team=search, env=prod". */
  tags: string;
}

export type KeyErrors = Partial<Record<"name" | "tags" | "addresses", string>>;

export function formOf(key: ApiKey): KeyForm {
  return {
    name: key.name,
    scopes: key.scopes,
    models: key.models,
    addresses: key.allowed_addresses.join(", "),
    tags: Object.entries(key.tags)
      .map(([name, value]) => `${name}=${value}`)
      .join(", "),
  };
}

/** "a=1, b=2" → {a: "1", b: "2"}; undefined for what is no list of tags. */
export function tagsIn(text: string): Record<string, string> | undefined {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const tags = parts.map((part): [string, string] => {
    const [name = "", ...value] = part.split("=");
    return [name.trim(), value.join("=").trim()];
  });
  const whole = tags.every(([name], position) => name !== "" && (parts[position] ?? "").includes("="));
  return whole && tags.length <= 16 ? Object.fromEntries(tags) : undefined;
}

function addressesIn(text: string): string[] {
  return text.split(/[\s,;]+/).filter((part) => part !== "");
}

export function errorsIn(form: KeyForm): KeyErrors {
  const errors: KeyErrors = {};
  if (form.name.trim() === "") errors.name = "Give the key a name, so that you know later what uses it.";
  if (tagsIn(form.tags) === undefined) errors.tags = "Up to 16 tags, such as team=search, env=prod.";
  if (addressesIn(form.addresses).some((address) => !/^[0-9A-Fa-f.:]+(\/\d{1,3})?$/.test(address)))
    errors.addresses = "Addresses and networks, such as 203.0.113.7 or 10.0.0.0/8.";
  return errors;
}

export function bodyOf(form: KeyForm): ApiKeyUpdate {
  return {
    name: form.name.trim(),
    scopes: form.scopes === null ? null : [...form.scopes],
    models: form.models === null ? null : [...form.models],
    allowed_addresses: addressesIn(form.addresses),
    tags: tagsIn(form.tags) ?? {},
  };
}
