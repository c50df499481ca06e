/** The world of the fake admin API: a few tenants, models and keys, and calls that follow the hours of a day. */
import type { ApiKey, Call, Model, Tenant } from "../src/api/types.ts";

/** A small seeded generator: the same seed gives the same world, so tests and pictures can be compared. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

let counter = 0;

/** Ids that sort by age, as the real ones do. */
export function newId(prefix: string): string {
  counter += 1;
  return `${prefix}_01k${counter.toString(36).padStart(10, "0")}`;
}

const DAY_MS = 86_400_000;

export interface World {
  tenants: Tenant[];
  keys: ApiKey[];
  models: Model[];
  /** Newest first. */
  calls: Call[];
}

export const EMPTY_WORLD = (): World => ({ tenants: [], keys: [], models: [], calls: [] });

export function newTenant(name: string): Tenant {
  return {
    id: newId("tnt"),
    name,
    status: "active",
    models: null,
    timezone: "UTC",
    kind: "organization",
    contact: "",
    tags: {},
    created_at: new Date().toISOString(),
    archived_at: null,
    purge_after: null,
    follows_default_models: false,
  };
}

function tenant(name: string, now: number, daysAgo: number, change: Partial<Tenant> = {}): Tenant {
  const created_at = new Date(now - daysAgo * DAY_MS).toISOString();
  return { ...newTenant(name), created_at, ...change };
}

function key(owner: Tenant, name: string, now: number, daysAgo: number, change: Partial<ApiKey> = {}): ApiKey {
  return {
    id: newId("key"),
    tenant_id: owner.id,
    tenant_name: owner.name,
    name,
    hint: `sk-${name.slice(0, 4).replaceAll(" ", "x")}…${(daysAgo * 7919).toString(36).padStart(4, "q").slice(-4)}`,
    created_at: new Date(now - daysAgo * DAY_MS).toISOString(),
    expires_at: null,
    scopes: null,
    models: null,
    allowed_addresses: [],
    tags: {},
    owner_id: null,
    kind: "service",
    suspended_at: null,
    previous_hint: null,
    previous_ends_at: null,
    last_used_at: null,
    revoked_at: null,
    status: "active",
    ...change,
  };
}

const OPENAI = "https://api.openai.com/v1";

type RouteSpec = [provider: string, model: string, baseUrl: string, prices: [string, string | null, string]];

function model(alias: string, now: number, routes: RouteSpec[], enabled: boolean = true): Model {
  const moment = new Date(now - 9 * DAY_MS).toISOString();
  return {
    alias,
    source: "api",
    enabled,
    created_at: moment,
    updated_at: moment,
    fallbacks: [],
    context_length_fallbacks: [],
    content_filter_fallbacks: [],
    capabilities: {},
    routes: routes.map(([provider, name, base_url, [input, cached_input, output]]) => ({
      id: newId("rte"),
      priority: 0,
      weight: 1,
      max_output_tokens: null,
      operations: null,
      provider,
      model: name,
      base_url,
      has_credential: provider === "openai",
      prices: { input, ...(cached_input === null ? {} : { cached_input }), output },
      price_version: newId("prc"),
      price_source: null,
      price_changes: [],
      broken: null,
      metadata: {},
    })),
  };
}

export function demoWorld(now: number): World {
  const demo = tenant("Demo", now, 64);
  const search = tenant("Search team", now, 58);
  const support = tenant("Support assistant", now, 31, { models: ["fast-chat", "demo"] });
  const trial = tenant("Partner trial", now, 12, { status: "suspended", models: [] });
  const keys = [
    key(support, "nightly summaries", now, 2, { expires_at: new Date(now + 88 * DAY_MS).toISOString() }),
    key(search, "query rewriting", now, 19),
    key(search, "load test", now, 21, { status: "expired", expires_at: new Date(now - 7 * DAY_MS).toISOString() }),
    key(support, "agent desktop", now, 30),
    key(trial, "evaluation", now, 12, { status: "revoked", revoked_at: new Date(now - 4 * DAY_MS).toISOString() }),
    key(demo, "First key", now, 64),
  ];
  const models = [
    model("demo", now, [["openai-compatible", "smollm2-135m", "http://127.0.0.1:4321/v1", ["0.05", "0.025", "0.10"]]]),
    model("fast-chat", now, [
      ["openai", "gpt-5-mini", OPENAI, ["0.25", "0.025", "2.00"]],
      ["openai-compatible", "qwen3-8b", "http://models.internal:8000/v1", ["0.075", null, "0.30"]],
    ]),
    model("deep-reasoning", now, [["openai", "gpt-5", OPENAI, ["1.25", "0.125", "10.00"]]]),
    model("legacy-chat", now, [["openai", "gpt-4o", OPENAI, ["2.50", "1.25", "10.00"]]], false),
  ];
  const world: World = { tenants: [trial, support, search, demo], keys, models, calls: [] };
  const random = randomFrom(7);
  const moments: number[] = [];
  for (let hour = 30 * 24; hour > 0; hour -= 1) {
    const moment = new Date(now - hour * 3_600_000);
    const weekday = moment.getDay() % 6 === 0 ? 0.35 : 1;
    const daylight = 0.25 + Math.max(0, Math.sin(((moment.getHours() - 6) / 14) * Math.PI));
    const calls = Math.round(9 * weekday * daylight * (0.6 + random() * 0.8));
    for (let call = 0; call < calls; call += 1) moments.push(moment.getTime() + random() * 3_600_000);
  }
  for (const moment of moments.toSorted((a, b) => a - b)) world.calls.unshift(makeCall(world, moment, random));
  return world;
}

/** A plausible call at that moment, through an active key. */
export function makeCall(world: World, moment: number, random: () => number): Call {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const apiKey = pick(world.keys.filter((candidate) => candidate.status === "active"));
  const weights = [0.3, 0.45, 0.25];
  const draw = random();
  const index = draw < (weights[0] ?? 0) ? 0 : draw < 0.75 ? 1 : 2;
  const chosen = world.models[index] ?? pick(world.models);
  const route = chosen.routes[0] as Model["routes"][number];
  const status = random() < 0.025 ? "failed" : random() < 0.012 ? "aborted" : "succeeded";
  const input = 80 + Math.floor(random() ** 2 * 6000);
  const cached = random() < 0.4 ? Math.floor(input * random() * 0.8) : 0;
  const output = status === "failed" ? 0 : 20 + Math.floor(random() ** 2 * 1800);
  const usedInput = status === "failed" ? 0 : input;
  const lines =
    status === "failed"
      ? []
      : [
          { kind: "input", quantity: input - cached, price: route.prices.input ?? "0" },
          ...(cached > 0 ? [{ kind: "cached_input", quantity: cached, price: route.prices.cached_input ?? "0" }] : []),
          { kind: "output", quantity: output, price: route.prices.output ?? "0" },
        ];
  const stream = random() < 0.7;
  const first = Math.round(120 + random() * 700);
  return {
    id: newId("req"),
    occurred_at: new Date(moment).toISOString(),
    tenant_id: apiKey.tenant_id,
    tenant_name: apiKey.tenant_name,
    key_id: apiKey.id,
    key_name: apiKey.name,
    alias: chosen.alias,
    provider: route.provider,
    model: route.model,
    route_id: route.id,
    operation: "chat.completions",
    stream,
    status,
    http_status: status === "failed" ? 503 : 200,
    error_code: status === "failed" ? "upstream_unavailable" : null,
    input_tokens: usedInput,
    cached_input_tokens: status === "failed" ? 0 : cached,
    output_tokens: output,
    reasoning_tokens: chosen.alias === "deep-reasoning" ? Math.floor(output * 0.6) : 0,
    estimated: status === "aborted",
    cost_nano_usd: costOf(lines).toString(),
    lines,
    price_version: route.price_version,
    latency_ms: first + Math.round(output * (4 + random() * 6)),
    first_token_ms: stream && status !== "failed" ? first : null,
    attempts: 1,
    end_user: null,
    metadata: {},
    tags: {},
  };
}

function costOf(lines: readonly { quantity: number; price: string }[]): bigint {
  let nano = 0n;
  for (const line of lines) {
    const [whole = "0", fraction = ""] = line.price.split(".");
    nano += (BigInt(line.quantity) * BigInt(whole + fraction) * 1000n) / 10n ** BigInt(fraction.length);
  }
  return nano;
}
