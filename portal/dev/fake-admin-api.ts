/**
 * An admin API made of a few arrays, for working on the portal without a gateway and for its unit tests.
 * It keeps to the shapes of openapi.json, checks the session, and forgets everything when the process ends.
 * Never part of the build: nothing under src/ imports it.
 */
import type { ApiKey, Model, ModelWrite, OwnTenant, Session, Tenant } from "../src/api/types.ts";
import { type World, demoWorld, makeCall, newId, randomFrom, newTenant } from "./fake-data.ts";
import { breakdown, summary } from "./fake-usage.ts";

export const FAKE_LOGIN = { email: "admin@example.com", password: "correct horse battery" };

const ALL_PERMISSIONS: Session["permissions"] = [
  "tenants:read",
  "tenants:write",
  "users:read",
  "users:write",
  "api_keys:read",
  "api_keys:write",
  "catalog:read",
  "catalog:write",
  "usage:read",
];

const PROVIDERS = [
  {
    name: "openai",
    description: "OpenAI's own API.",
    default_base_url: "https://api.openai.com/v1",
    needs_credential: true,
    operations: ["chat"],
    metadata: {},
  },
  {
    name: "openai-compatible",
    description: "Any server that speaks the OpenAI API, such as vLLM or llama.cpp.",
    default_base_url: null,
    needs_credential: false,
    operations: ["chat"],
    metadata: {},
  },
];

/** What every link is for, here. */
const INVITATION = {
  purpose: "membership",
  email: "new@example.com",
  tenant_name: "Research",
  role: "member",
  has_account: false,
  expires_at: "2030-01-01T00:00:00Z",
};

function own(tenant: Tenant): OwnTenant {
  const permissions: OwnTenant["permissions"] = ["tenants:read", "api_keys:read", "usage:read", "own_api_keys:write"];
  const { id, name, kind, timezone } = tenant;
  return { id, name, kind, timezone, status: "active", role: "member", permissions, joined_at: tenant.created_at };
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

function need<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new Refusal(404, "not_found", `There is no such ${what}.`);
  return found;
}

interface Exchange {
  params: string[];
  query: URLSearchParams;
  body: Record<string, unknown>;
}

export interface FakeAdminApi {
  world: World;
  handle: (request: Request) => Promise<Response>;
  /** Ends the session, as an expiry would. */
  expireSession: () => void;
  signIn: () => void;
  setPermissions: (permissions: Session["permissions"]) => void;
  addCall: () => void;
}

export function createFakeAdminApi(world: World = demoWorld(Date.now()), live: boolean = false): FakeAdminApi {
  const random = randomFrom(99);
  let signedIn = false;
  let permissions = ALL_PERMISSIONS;

  const session = (): Session => ({
    user: {
      id: "usr_01k0000000001",
      email: FAKE_LOGIN.email,
      name: "Admin",
      role: permissions.length === 0 ? null : permissions.length === ALL_PERMISSIONS.length ? "owner" : "auditor",
      disabled: false,
      created_at: "2026-01-01T00:00:00Z",
      last_login_at: null,
    },
    permissions,
  });
  const addCall = () => void world.calls.unshift(makeCall(world, Date.now(), random));

  const createKey = (tenantId: string, body: Record<string, unknown>, change: Partial<ApiKey>): [number, unknown] => {
    const owner = need(
      world.tenants.find(({ id }) => id === tenantId),
      "tenant",
    );
    const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const secret = `sk-${Array.from({ length: 48 }, () => letters[Math.floor(random() * letters.length)]).join("")}`;
    const created: ApiKey = {
      id: newId("key"),
      tenant_id: owner.id,
      tenant_name: owner.name,
      name: String(body["name"]),
      hint: `${secret.slice(0, 7)}…${secret.slice(-4)}`,
      created_at: new Date().toISOString(),
      expires_at: (body["expires_at"] as string | undefined) ?? null,
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
    world.keys.unshift(created);
    return [201, { ...created, secret }];
  };

  const routes: [method: string, pattern: RegExp, answer: (exchange: Exchange) => [status: number, body: unknown]][] = [
    ["GET", /^\/auth\/session$/, () => [200, session()]],
    [
      "GET",
      /^\/user\/tenants$/,
      () => [200, { data: permissions.length === 0 ? world.tenants.slice(0, 1).map(own) : [] }],
    ],
    [
      "GET",
      /^\/user\/tenants\/([^/]+)\/api-keys$/,
      ({ params, query }) => [
        200,
        page(
          world.keys.filter((key) => key.tenant_id === params[0]),
          query,
        ),
      ],
    ],
    [
      "POST",
      /^\/user\/tenants\/([^/]+)\/api-keys$/,
      ({ params, body }) =>
        createKey(need(params[0], "tenant"), body, { kind: "personal", owner_id: session().user.id }),
    ],
    ["GET", /^\/user\/usage\/summary$/, ({ query }) => [200, summary(world.calls, query, Date.now())]],
    [
      "GET",
      /^\/user\/usage\/breakdown$/,
      ({ query }) => [
        200,
        { start: "", end: "", group: query.get("group"), items: breakdown(world.calls, query, Date.now()) },
      ],
    ],
    ["POST", /^\/auth\/logout$/, () => ((signedIn = false), [204, null])],
    ["GET", /^\/gateway$/, () => [200, { base_url: "http://127.0.0.1:8090", version: "0.1.0" }]],
    ["GET", /^\/providers$/, () => [200, { data: PROVIDERS }]],
    ["GET", /^\/tenants$/, ({ query }) => [200, page(world.tenants, query)]],
    [
      "POST",
      /^\/tenants$/,
      ({ body }) => {
        const models = (body["models"] as string[] | null | undefined) ?? null;
        const created: Tenant = { ...newTenant(String(body["name"])), models };
        world.tenants.unshift(created);
        return [201, created];
      },
    ],
    [
      "PATCH",
      /^\/tenants\/([^/]+)$/,
      ({ params, body }) => [
        200,
        Object.assign(
          need(
            world.tenants.find(({ id }) => id === params[0]),
            "tenant",
          ),
          body,
        ),
      ],
    ],
    [
      "GET",
      /^\/api-keys$/,
      ({ query }) => {
        const tenantId = query.get("tenant_id");
        return [
          200,
          page(
            world.keys.filter((key) => tenantId === null || key.tenant_id === tenantId),
            query,
          ),
        ];
      },
    ],
    ["POST", /^\/tenants\/([^/]+)\/api-keys$/, ({ params, body }) => createKey(need(params[0], "tenant"), body, {})],
    [
      "DELETE",
      /^\/tenants\/([^/]+)\/api-keys\/([^/]+)$/,
      ({ params }) => {
        const key = need(
          world.keys.find(({ id }) => id === params[1]),
          "API key",
        );
        Object.assign(key, { status: "revoked", revoked_at: new Date().toISOString() });
        return [204, null];
      },
    ],
    ["GET", /^\/model-catalog$/, ({ query }) => [200, page(world.models, query)]],
    [
      "PUT",
      /^\/model-catalog\/(.+)$/,
      ({ params, body }) => putModel(world, params[0] ?? "", body as unknown as ModelWrite),
    ],
    [
      "DELETE",
      /^\/model-catalog\/(.+)$/,
      ({ params }) => {
        const model = need(
          world.models.find(({ alias }) => alias === params[0]),
          "model",
        );
        world.models.splice(world.models.indexOf(model), 1);
        return [204, null];
      },
    ],
    ["GET", /^\/usage\/summary$/, ({ query }) => [200, summary(world.calls, query, Date.now())]],
    [
      "GET",
      /^\/usage\/breakdown$/,
      ({ query }) => [
        200,
        { start: "", end: "", group: query.get("group"), items: breakdown(world.calls, query, Date.now()) },
      ],
    ],
    [
      "GET",
      /^\/usage\/calls$/,
      ({ query }) => {
        if (live && random() < 0.35) addCall();
        const matches = world.calls.filter(
          (call) =>
            (query.get("tenant_id") ?? call.tenant_id) === call.tenant_id &&
            (query.get("key_id") ?? call.key_id) === call.key_id &&
            (query.get("alias") ?? call.alias) === call.alias,
        );
        return [200, page(matches, query)];
      },
    ],
  ];

  const answer = async (request: Request): Promise<[number, unknown]> => {
    const url = new URL(request.url);
    const path = url.pathname.replace(/^\/admin/, "");
    const text = request.method === "GET" ? "" : await request.text();
    const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    if (request.method === "POST" && path === "/auth/login") {
      if (body["email"] !== FAKE_LOGIN.email || body["password"] !== FAKE_LOGIN.password) {
        throw new Refusal(401, "invalid_credentials", "E-mail or password is wrong.");
      }
      signedIn = true;
      return [200, session()];
    }
    if (request.method === "POST" && path === "/auth/invitations/look") return [200, INVITATION];
    if (request.method === "POST" && path === "/auth/invitations/register") {
      signedIn = true;
      return [201, session().user];
    }
    if (!signedIn) throw new Refusal(401, "unauthenticated", "Sign in first.");
    for (const [method, pattern, respond] of routes) {
      const match = method === request.method ? pattern.exec(path) : null;
      if (match) return respond({ params: match.slice(1).map(decodeURIComponent), query: url.searchParams, body });
    }
    throw new Refusal(404, "not_found", `The fake admin API has no ${request.method} ${path}.`);
  };

  return {
    world,
    handle: async (request) => {
      try {
        const [status, body] = await answer(request);
        return body === null ? new Response(null, { status }) : Response.json(body, { status });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const body = {
          error: { message: error.message, type: "invalid_request_error", code: error.code, param: null },
        };
        return Response.json(body, { status: error.status });
      }
    },
    expireSession: () => (signedIn = false),
    signIn: () => (signedIn = true),
    setPermissions: (next) => (permissions = next),
    addCall,
  };
}

function page<T extends { id: string } | { alias: string }>(rows: readonly T[], query: URLSearchParams) {
  const nameOf = (row: T) => ("id" in row ? row.id : row.alias);
  const cursor = query.get("cursor");
  const start = cursor === null ? 0 : rows.findIndex((row) => nameOf(row) === cursor) + 1;
  const data = rows.slice(start, start + Number(query.get("limit") ?? 20));
  const last = data.at(-1);
  const hasMore = start + data.length < rows.length;
  return { data, has_more: hasMore, next_cursor: hasMore && last ? nameOf(last) : null };
}

function putModel(world: World, alias: string, body: ModelWrite): [number, unknown] {
  const existing = world.models.find((model) => model.alias === alias);
  const now = new Date().toISOString();
  const model: Model = {
    alias,
    source: "api",
    enabled: body.enabled ?? existing?.enabled ?? true,
    created_at: existing?.created_at ?? now,
    updated_at: now,
    fallbacks: body.fallbacks ?? existing?.fallbacks ?? [],
    context_length_fallbacks: body.context_length_fallbacks ?? existing?.context_length_fallbacks ?? [],
    content_filter_fallbacks: body.content_filter_fallbacks ?? existing?.content_filter_fallbacks ?? [],
    capabilities: body.capabilities ?? existing?.capabilities ?? {},
    routes: body.routes.map((route) => ({
      id: route.id ?? newId("rte"),
      priority: route.priority ?? 0,
      weight: route.weight ?? 1,
      max_output_tokens: route.max_output_tokens ?? null,
      operations: route.operations ?? null,
      provider: route.provider,
      model: route.model,
      base_url: route.base_url ?? PROVIDERS.find(({ name }) => name === route.provider)?.default_base_url ?? "",
      has_credential:
        route.credential === undefined
          ? (existing?.routes.find(({ id }) => id === route.id)?.has_credential ?? false)
          : route.credential !== null,
      prices: Object.fromEntries(
        Object.entries(route.prices ?? {}).filter((entry): entry is [string, string] => entry[1] !== null),
      ),
      price_version: newId("prc"),
      price_source: null,
      price_changes: [],
      broken: null,
      metadata: {},
    })),
  };
  if (existing) world.models[world.models.indexOf(existing)] = model;
  else world.models.unshift(model);
  return [existing ? 200 : 201, model];
}
