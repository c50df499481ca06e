/** Totals over time and their breakdown. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { every } from "@/api/polling";
import type { BreakdownItem, UsageSummary } from "@/api/types";
import { timeZone } from "@/lib/time";

import type { Period, UsageGroup } from "./period";

const REFRESH_MS = 10_000;

interface Scope {
  period: Period;
  tenant: string | undefined;
}

export function summaryQuery({ period, tenant }: Scope) {
  return queryOptions({
    queryKey: ["usage", "summary", period, tenant],
    queryFn: ({ signal }): Promise<UsageSummary> =>
      dataOf(
        api.GET("/admin/usage/summary", {
          params: { query: { period, timezone: timeZone(), ...(tenant ? { tenant_id: tenant } : {}) } },
          signal,
        }),
      ),
    refetchInterval: every(REFRESH_MS),
    placeholderData: keepPreviousData,
  });
}

export function breakdownQuery({ period, tenant, group }: Scope & { group: UsageGroup }) {
  return queryOptions({
    queryKey: ["usage", "breakdown", group, period, tenant],
    queryFn: async ({ signal }): Promise<BreakdownItem[]> => {
      const query = { group, period, timezone: timeZone(), limit: 8, ...(tenant ? { tenant_id: tenant } : {}) };
      return (await dataOf(api.GET("/admin/usage/breakdown", { params: { query }, signal }))).items;
    },
    refetchInterval: every(REFRESH_MS),
    placeholderData: keepPreviousData,
  });
}
