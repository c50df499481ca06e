/** Calls through the gateway, newest first. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { every } from "@/api/polling";
import type { CallPage } from "@/api/types";

export interface CallFilter {
  tenant?: string | undefined;
  key?: string | undefined;
  model?: string | undefined;
}

const LIVE_MS = 2000;
const PAGE_SIZE = 50;

export function fetchCalls(
  filter: CallFilter,
  paging: { limit: number; cursor?: string },
  signal?: AbortSignal,
): Promise<CallPage> {
  const query = {
    ...paging,
    ...(filter.tenant ? { tenant_id: filter.tenant } : {}),
    ...(filter.key ? { key_id: filter.key } : {}),
    ...(filter.model ? { alias: filter.model } : {}),
  };
  return dataOf(api.GET("/admin/usage/calls", { params: { query }, ...(signal ? { signal } : {}) }));
}

/** The newest page, asked for again every two seconds while the page is visible. */
export function newestCallsQuery(filter: CallFilter, limit: number = PAGE_SIZE) {
  return queryOptions({
    queryKey: ["calls", "newest", filter, limit],
    queryFn: ({ signal }) => fetchCalls(filter, { limit }, signal),
    refetchInterval: every(LIVE_MS),
    staleTime: 0,
  });
}

export function recentCallsQuery(filter: CallFilter) {
  return queryOptions({ ...newestCallsQuery(filter, 8), placeholderData: keepPreviousData });
}

/** Where a call is in the sums and budgets: it may take a moment until it is. */
export function chargeQuery(callId: string) {
  return queryOptions({
    queryKey: ["calls", "charge", callId],
    queryFn: ({ signal }) =>
      dataOf(api.GET("/admin/usage/calls/{call_id}/charge", { params: { path: { call_id: callId } }, signal })),
  });
}

export function fetchOlderCalls(filter: CallFilter, cursor: string): Promise<CallPage> {
  return fetchCalls(filter, { limit: PAGE_SIZE, cursor });
}
