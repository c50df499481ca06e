/** The form of a route's prices from a moment on, as pure state. */
import type { PriceVersionWrite } from "@/api/types";
import { isPrice } from "@/lib/money";
import { PRICE_KINDS } from "@/lib/price-kinds";

export interface PriceForm {
  /** By kind, as typed; empty means no price of its own. */
  prices: Record<string, string>;
  /** Of an input for local date and time; empty means now. */
  from: string;
}

export type PriceErrors = Record<string, string>;

/** Every kind the portal knows, and those that the route has besides (images of a size and quality). */
export function formOf(prices: Record<string, string>): PriceForm {
  const empty = Object.fromEntries(PRICE_KINDS.map((kind) => [kind, ""]));
  return { prices: { ...empty, ...prices }, from: "" };
}

export function errorsIn(form: PriceForm): PriceErrors {
  const errors: PriceErrors = {};
  for (const [kind, text] of Object.entries(form.prices)) {
    if (text.trim() !== "" && !isPrice(text.trim())) errors[kind] = "Enter a number, for example 0.15.";
  }
  if (form.from !== "" && Number.isNaN(new Date(form.from).getTime())) errors["from"] = "Enter a date and a time.";
  return errors;
}

export function bodyOf(form: PriceForm): PriceVersionWrite {
  const given = Object.entries(form.prices).filter(([, text]) => text.trim() !== "");
  return {
    prices: Object.fromEntries(given.map(([kind, text]) => [kind, text.trim()])),
    ...(form.from === "" ? {} : { effective_from: new Date(form.from).toISOString() }),
  };
}
