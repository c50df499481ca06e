import { describe, expect, it } from "vitest";

import type { Model, Provider } from "@/api/types";

import { bodyOf, checkForm, emptyRoute, formOf, type RouteForm } from "./model-form";

const PROVIDERS: Provider[] = [
  {
    name: "openai",
    description: "",
    default_base_url: "https://api.openai.com/v1",
    needs_credential: true,
    operations: ["chat"],
    metadata: {},
  },
  {
    name: "openai-compatible",
    description: "",
    default_base_url: null,
    needs_credential: false,
    operations: ["chat"],
    metadata: {},
  },
];
const MODEL: Model = {
  alias: "fast-chat",
  source: "api",
  enabled: true,
  created_at: "2026-11-01T00:00:00Z",
  updated_at: "2026-11-01T00:00:00Z",
  fallbacks: [],
  context_length_fallbacks: [],
  content_filter_fallbacks: [],
  capabilities: {},
  routes: [
    {
      id: "rte_1",
      priority: 0,
      weight: 1,
      max_output_tokens: null,
      operations: null,
      provider: "openai",
      model: "gpt-5-mini",
      base_url: "https://api.openai.com/v1",
      has_credential: true,
      prices: { input: "0.25", output: "2.00", cache_write: "0.3" },
      price_version: "prc_1",
      price_source: null,
      price_changes: [],
      broken: null,
      metadata: {},
    },
  ],
};

function pricesSent(route: RouteForm) {
  return bodyOf({ alias: "a", enabled: true, routes: [route] }).routes[0]?.prices;
}

describe("the model form", () => {
  it("changes nothing when it is opened and saved", () => {
    const form = formOf(MODEL);
    expect(checkForm(form, PROVIDERS)).toEqual({});
    expect(bodyOf(form)).toEqual({
      enabled: true,
      routes: [
        {
          id: "rte_1",
          provider: "openai",
          model: "gpt-5-mini",
          base_url: "https://api.openai.com/v1",
          prices: { input: "0.25", output: "2.00", cache_write: "0.3" },
        },
      ],
    });
  });

  it("keeps, replaces or removes a stored credential", () => {
    const [route] = formOf(MODEL).routes;
    if (!route) throw new Error("the model has a route");
    const sent = (change: Partial<typeof route>) =>
      bodyOf({ alias: "a", enabled: true, routes: [{ ...route, ...change }] }).routes[0];
    expect(sent({})).not.toHaveProperty("credential");
    expect(sent({ credential: "new" })).toHaveProperty("credential", "new");
    expect(sent({ removeCredential: true })).toHaveProperty("credential", null);
  });

  it("leaves a new route without prices to the price list", () => {
    expect(pricesSent(emptyRoute(0, "openai"))).toBeNull();
    expect(pricesSent({ ...emptyRoute(0, "openai"), input: " 1 " })).toEqual({ input: "1" });
    expect(pricesSent({ ...emptyRoute(0, "openai"), id: "rte_1" })).toEqual({});
  });

  it("names every field that keeps it from being sent", () => {
    const routes = [
      { ...emptyRoute(0, "openai-compatible"), input: "cheap" },
      { ...emptyRoute(1, "openai"), model: "gpt-5", baseUrl: "api.openai.com" },
    ];
    const errors = checkForm({ alias: "two words", enabled: true, routes }, PROVIDERS);
    expect(Object.keys(errors).toSorted()).toEqual([
      "0.baseUrl",
      "0.input",
      "0.model",
      "1.baseUrl",
      "1.credential",
      "alias",
    ]);
  });
});
