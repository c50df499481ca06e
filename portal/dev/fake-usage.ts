/** The sums of the fake admin API, made from its calls. */
import type { BreakdownItem, Call, Totals, UsageSummary } from "../src/api/types.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function sum(calls: readonly Call[]): Totals {
  const totals = { requests: 0, failed_requests: 0, input_tokens: 0, cached_input_tokens: 0, output_tokens: 0 };
  let cost = 0n;
  for (const call of calls) {
    totals.requests += 1;
    if (call.status === "failed") totals.failed_requests += 1;
    totals.input_tokens += call.input_tokens;
    totals.cached_input_tokens += call.cached_input_tokens;
    totals.output_tokens += call.output_tokens;
    cost += BigInt(call.cost_nano_usd);
  }
  return { ...totals, cost_nano_usd: cost.toString() };
}

interface Range {
  calls: Call[];
  start: number;
  end: number;
  bucket: "hour" | "day";
}

function range(calls: readonly Call[], query: URLSearchParams, now: number): Range {
  const period = query.get("period") ?? "24h";
  const bucket = period === "24h" ? "hour" : "day";
  const end = now;
  let start: number;
  if (bucket === "hour") {
    start = Math.floor(now / HOUR_MS) * HOUR_MS - 23 * HOUR_MS;
  } else {
    const midnight = new Date(now).setHours(0, 0, 0, 0);
    start = midnight - (period === "7d" ? 6 : 29) * DAY_MS;
  }
  const tenant = query.get("tenant_id");
  const within = calls.filter((call) => {
    const moment = Date.parse(call.occurred_at);
    return moment >= start && moment < end && (tenant === null || call.tenant_id === tenant);
  });
  return { calls: within, start, end, bucket };
}

export function summary(calls: readonly Call[], query: URLSearchParams, now: number): UsageSummary {
  const within = range(calls, query, now);
  const step = within.bucket === "hour" ? HOUR_MS : DAY_MS;
  const points = [];
  for (let start = within.start; start < within.end; start += step) {
    const bucket = within.calls.filter((call) => {
      const moment = Date.parse(call.occurred_at);
      return moment >= start && moment < start + step;
    });
    points.push({ start: new Date(start).toISOString(), ...sum(bucket) });
  }
  return {
    start: new Date(within.start).toISOString(),
    end: new Date(within.end).toISOString(),
    timezone: query.get("timezone") ?? "UTC",
    bucket: within.bucket,
    totals: sum(within.calls),
    points,
  };
}

export function breakdown(calls: readonly Call[], query: URLSearchParams, now: number): BreakdownItem[] {
  const fields = {
    model: ["alias", "alias"],
    tenant: ["tenant_id", "tenant_name"],
    key: ["key_id", "key_name"],
  } as const;
  const group = query.get("group") as keyof typeof fields;
  const [idField, labelField] = fields[group];
  const groups = new Map<string, Call[]>();
  for (const call of range(calls, query, now).calls)
    groups.set(call[idField], [...(groups.get(call[idField]) ?? []), call]);
  const items = [...groups].map(([id, members]) => ({ id, label: members[0]?.[labelField] ?? id, ...sum(members) }));
  return items
    .toSorted((a, b) => Number(BigInt(b.cost_nano_usd) - BigInt(a.cost_nano_usd)) || b.requests - a.requests)
    .slice(0, Number(query.get("limit") ?? 10));
}
