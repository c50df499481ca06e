/** The choices of the dashboard: ranges of time, and what usage is broken down by. */
export const PERIODS = [
  { value: "24h", label: "24h", words: "the last 24 hours" },
  { value: "7d", label: "7d", words: "the last 7 days" },
  { value: "30d", label: "30d", words: "the last 30 days" },
] as const;

export type Period = (typeof PERIODS)[number]["value"];

export function isPeriod(value: unknown): value is Period {
  return PERIODS.some((period) => period.value === value);
}

export function periodWords(value: Period): string {
  return PERIODS.find((period) => period.value === value)?.words ?? value;
}

/** What the usage of a range can be broken down by. */
export const USAGE_GROUPS = [
  { value: "model", label: "By model" },
  { value: "tenant", label: "By tenant" },
  { value: "key", label: "By key" },
] as const;

export type UsageGroup = (typeof USAGE_GROUPS)[number]["value"];
