/** The form of a model as pure state: from the API's shape, its checks, and back to the API's shape. */
import type { Model, ModelWrite, Provider, RouteWrite } from "@/api/types";
import { isPrice } from "@/lib/money";

export interface RouteForm {
  /** Tells the rows of the form apart; never leaves the browser. */
  row: number;
  id: string | null;
  provider: string;
  model: string;
  baseUrl: string;
  hasCredential: boolean;
  /** What was typed. Empty keeps the stored credential of an existing route. */
  credential: string;
  removeCredential: boolean;
  input: string;
  cachedInput: string;
  output: string;
  /** Prices of kinds that the form does not show; they stay what they are. */
  otherPrices: Record<string, string>;
}

export interface ModelForm {
  alias: string;
  enabled: boolean;
  routes: RouteForm[];
}

export type FormErrors = Record<string, string>;

export function emptyRoute(row: number, provider: string): RouteForm {
  return {
    row,
    id: null,
    provider,
    model: "",
    baseUrl: "",
    hasCredential: false,
    credential: "",
    removeCredential: false,
    input: "",
    cachedInput: "",
    output: "",
    otherPrices: {},
  };
}

export function formOf(model: Model): ModelForm {
  return {
    alias: model.alias,
    enabled: model.enabled,
    routes: model.routes.map((route, row) => {
      const { input = "", cached_input: cachedInput = "", output = "", ...otherPrices } = route.prices;
      return {
        row,
        id: route.id,
        provider: route.provider,
        model: route.model,
        baseUrl: route.base_url,
        hasCredential: route.has_credential,
        credential: "",
        removeCredential: false,
        input,
        cachedInput,
        output,
        otherPrices,
      };
    }),
  };
}

/** What keeps the form from being sent, by field: "alias", or "<row>.<field>". */
export function checkForm(form: ModelForm, providers: readonly Provider[]): FormErrors {
  const errors: FormErrors = {};
  if (form.alias.trim() === "") errors["alias"] = "Give the model the name that clients will ask for.";
  else if (/\s/.test(form.alias.trim())) errors["alias"] = "A model name has no spaces.";
  for (const route of form.routes) {
    const provider = providers.find((candidate) => candidate.name === route.provider);
    const at = (field: string) => `${route.row}.${field}`;
    if (route.model.trim() === "") errors[at("model")] = "Enter the name the provider uses.";
    if (route.baseUrl.trim() === "" && provider !== undefined && !provider.default_base_url) {
      errors[at("baseUrl")] = "This provider has no default address.";
    } else if (route.baseUrl.trim() !== "" && !/^https?:\/\/[^\s/]+/.test(route.baseUrl.trim())) {
      errors[at("baseUrl")] = "Enter a full address, for example https://models.example.com/v1.";
    }
    const hasCredential = route.credential !== "" || (route.hasCredential && !route.removeCredential);
    if (provider?.needs_credential && !hasCredential) errors[at("credential")] = "This provider needs an API key.";
    for (const field of ["input", "cachedInput", "output"] as const) {
      const text = route[field].trim();
      if (text !== "" && !isPrice(text)) errors[at(field)] = "Enter a number, for example 0.15.";
    }
  }
  return errors;
}

export function bodyOf(form: ModelForm): ModelWrite {
  return { enabled: form.enabled, routes: form.routes.map(routeBody) };
}

/** Null for a new route without any: it then costs what the price list says. */
function pricesOf(route: RouteForm): Record<string, string> | null {
  const own = { input: route.input.trim(), cached_input: route.cachedInput.trim(), output: route.output.trim() };
  const prices = {
    ...Object.fromEntries(Object.entries(own).filter(([, price]) => price !== "")),
    ...route.otherPrices,
  };
  return route.id === null && Object.keys(prices).length === 0 ? null : prices;
}

function routeBody(route: RouteForm): RouteWrite {
  return {
    ...(route.id === null ? {} : { id: route.id }),
    provider: route.provider,
    model: route.model.trim(),
    base_url: route.baseUrl.trim() === "" ? null : route.baseUrl.trim(),
    // Absent means "keep what is stored"; null takes it away.
    ...(route.credential === ""
      ? route.removeCredential
        ? { credential: null }
        : {}
      : { credential: route.credential }),
    prices: pricesOf(route),
  };
}
