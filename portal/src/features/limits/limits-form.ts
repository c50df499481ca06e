/** The form of rate limits, as pure state. An empty field is no limit of one's own: what is above holds. */
import type { LimitsWithModels, RateLimitsWrite } from "@/api/types";

export const LIMIT_KINDS = {
  requests_per_minute: "Requests per minute",
  tokens_per_minute: "Tokens per minute",
  parallel_requests: "Calls at once",
} as const;

export type LimitKind = keyof typeof LIMIT_KINDS;
export type LimitFields = Record<LimitKind, string>;

export interface LimitsForm {
  every: LimitFields;
  models: { alias: string; fields: LimitFields }[];
}

const KINDS = Object.keys(LIMIT_KINDS) as LimitKind[];
export const NO_LIMITS: LimitFields = { requests_per_minute: "", tokens_per_minute: "", parallel_requests: "" };

function text(value: number | null): string {
  return value === null ? "" : String(value);
}

function fieldsOf(limits: Record<LimitKind, number | null>): LimitFields {
  const { requests_per_minute: requests, tokens_per_minute: tokens, parallel_requests: parallel } = limits;
  return { requests_per_minute: text(requests), tokens_per_minute: text(tokens), parallel_requests: text(parallel) };
}

export function formOf(own: LimitsWithModels): LimitsForm {
  const models = Object.entries(own.models).map(([alias, limits]) => ({ alias, fields: fieldsOf(limits) }));
  return { every: fieldsOf(own), models };
}

/** What is wrong, in words; null when nothing is. */
export function problemIn(form: LimitsForm): string | null {
  const typed = [form.every, ...form.models.map(({ fields }) => fields)].flatMap((fields) => Object.values(fields));
  if (typed.some((field) => field.trim() !== "" && !/^\d{1,12}$/.test(field.trim()))) {
    return "A limit is a whole number; 0 refuses every call.";
  }
  const aliases = form.models.map(({ alias }) => alias.trim());
  if (aliases.includes("")) return "Name the model of each limit.";
  if (new Set(aliases).size < aliases.length) return "A model can be named once.";
  return null;
}

function limitsOf(fields: LimitFields): Record<LimitKind, number | null> {
  const of = (kind: LimitKind) => (fields[kind].trim() === "" ? null : Number(fields[kind].trim()));
  return {
    requests_per_minute: of("requests_per_minute"),
    tokens_per_minute: of("tokens_per_minute"),
    parallel_requests: of("parallel_requests"),
  };
}

export function bodyOf(form: LimitsForm): RateLimitsWrite {
  const models = form.models.map(({ alias, fields }) => [alias.trim(), limitsOf(fields)] as const);
  return { ...limitsOf(form.every), models: Object.fromEntries(models) };
}

/** Nothing is limited here: it is cleared instead of saved. */
export function isEmpty(form: LimitsForm): boolean {
  return form.models.length === 0 && KINDS.every((kind) => form.every[kind].trim() === "");
}
