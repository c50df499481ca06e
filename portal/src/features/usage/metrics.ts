/** The four figures of the dashboard: what each counts, how it reads, and what its chart stacks. */
import type { Totals, UsagePoint } from "@/api/types";
import { roughUsd, usdForPlot, usdTick } from "@/lib/money";
import { count, share, shortCount } from "@/lib/numbers";

export type Metric = "spend" | "requests" | "tokens" | "failures";

export interface Series {
  key: string;
  label: string;
  color: string;
  value: (point: UsagePoint) => number;
  /** The text of one bucket. It comes from the exact value, never from the plotted number. */
  text: (point: UsagePoint) => string;
}

export interface MetricSpec {
  label: string;
  /** The tick labels of the vertical axis. */
  tick: (value: number) => string;
  series: readonly Series[];
  allowDecimals: boolean;
}

const tokensTick = (value: number) => shortCount(value);

export const METRICS: Record<Metric, MetricSpec> = {
  spend: {
    label: "Spend",
    tick: usdTick,
    allowDecimals: true,
    series: [
      {
        key: "spend",
        label: "Spend",
        color: "var(--accent)",
        value: (point) => usdForPlot(point.cost_nano_usd),
        text: (point) => roughUsd(point.cost_nano_usd),
      },
    ],
  },
  requests: {
    label: "Requests",
    tick: tokensTick,
    allowDecimals: false,
    series: [
      {
        key: "unfailed",
        // Not "succeeded": a call that its client gave up is no failure either.
        label: "Without failure",
        color: "var(--accent)",
        value: (point) => point.requests - point.failed_requests,
        text: (point) => count(point.requests - point.failed_requests),
      },
      {
        key: "failed",
        label: "Failed",
        color: "var(--danger)",
        value: (point) => point.failed_requests,
        text: (point) => count(point.failed_requests),
      },
    ],
  },
  tokens: {
    label: "Tokens",
    tick: tokensTick,
    allowDecimals: false,
    series: [
      {
        key: "output",
        label: "Output",
        color: "var(--accent)",
        value: (point) => point.output_tokens,
        text: (point) => count(point.output_tokens),
      },
      {
        key: "input",
        label: "Input",
        color: "var(--accent-mid)",
        value: (point) => point.input_tokens,
        text: (point) => count(point.input_tokens),
      },
    ],
  },
  failures: {
    label: "Failed share",
    tick: (value) => `${Math.round(value * 100)}%`,
    allowDecimals: true,
    series: [
      {
        key: "share",
        label: "Failed share",
        color: "var(--danger)",
        value: (point) => (point.requests === 0 ? 0 : point.failed_requests / point.requests),
        text: (point) => share(point.failed_requests, point.requests),
      },
    ],
  },
};

/** All tokens of a period. Cached input is a part of input, so it is not added again. */
export function allTokens(totals: Totals): number {
  return totals.input_tokens + totals.output_tokens;
}
