/** What is one's own: the tenants one belongs to, their keys, and their usage. */
import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { nextCursor, pageQuery } from "@/api/paging";
import type { OwnTenant } from "@/api/types";
import type { Period } from "@/features/usage/period";
import { timeZone } from "@/lib/time";

export const ownTenantsQuery = queryOptions({
  queryKey: ["own", "tenants"],
  queryFn: async ({ signal }): Promise<OwnTenant[]> => (await dataOf(api.GET("/user/tenants", { signal }))).data,
  staleTime: 30_000,
});

/** The tenant of the page: the one in the address, else the first. */
export function useOwnTenant(tenantId: string | undefined): { tenant: OwnTenant | undefined; all: OwnTenant[] } {
  const all = useQuery(ownTenantsQuery).data ?? [];
  return { tenant: all.find((tenant) => tenant.id === tenantId) ?? all[0], all };
}

export function ownKeysQuery(tenantId: string) {
  return infiniteQueryOptions({
    queryKey: ["own", "keys", tenantId],
    queryFn: ({ pageParam, signal }) =>
      dataOf(
        api.GET("/user/tenants/{tenant_id}/api-keys", {
          params: { path: { tenant_id: tenantId }, query: pageQuery(pageParam) },
          signal,
        }),
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextCursor,
  });
}

export function ownUsageQuery(scope: string, period: Period) {
  return queryOptions({
    queryKey: ["own", "usage", scope, period],
    queryFn: ({ signal }) =>
      dataOf(api.GET("/user/usage/summary", { params: { query: { scope, period, timezone: timeZone() } }, signal })),
    placeholderData: keepPreviousData,
  });
}

export function ownBreakdownQuery(scope: string, period: Period) {
  return queryOptions({
    queryKey: ["own", "breakdown", scope, period],
    queryFn: async ({ signal }) => {
      const query = { scope, period, group: "model" as const, timezone: timeZone(), limit: 8 };
      return (await dataOf(api.GET("/user/usage/breakdown", { params: { query }, signal }))).items;
    },
    placeholderData: keepPreviousData,
  });
}

export function useCreateOwnKey(tenantId: string) {
  const queryClient = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: (body: { name: string; kind: "service" | "personal"; expires_at: string | null }) =>
      dataOf(api.POST("/user/tenants/{tenant_id}/api-keys", { params: { path: { tenant_id: tenantId } }, body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["own", "keys"] }),
  });
}

export function useRevokeOwnKey(tenantId: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (keyId: string) =>
      api.DELETE("/user/tenants/{tenant_id}/api-keys/{key_id}", {
        params: { path: { tenant_id: tenantId, key_id: keyId } },
      }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["own", "keys"] }),
  });
}
