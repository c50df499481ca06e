/** Tenants: the teams that keys, limits and costs belong to. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { everyPage, nextCursor, pageQuery } from "@/api/paging";
import type { Tenant } from "@/api/types";

export const tenantListQuery = infiniteQueryOptions({
  queryKey: ["tenants", "list"],
  queryFn: ({ pageParam, signal }) =>
    dataOf(api.GET("/admin/tenants", { params: { query: pageQuery(pageParam) }, signal })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: nextCursor,
});

/** Every tenant, for choosing one. */
export const allTenantsQuery = queryOptions({
  queryKey: ["tenants", "all"],
  queryFn: ({ signal }): Promise<Tenant[]> =>
    everyPage((query) => dataOf(api.GET("/admin/tenants", { params: { query }, signal }))),
  staleTime: 30_000,
});

export interface TenantInput {
  name: string;
  models: string[] | null;
}

export function useSaveTenant(tenantId: string | undefined) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: TenantInput) =>
      tenantId === undefined
        ? dataOf(api.POST("/admin/tenants", { body }))
        : dataOf(api.PATCH("/admin/tenants/{tenant_id}", { params: { path: { tenant_id: tenantId } }, body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["tenants"] }),
  });
}

export function useSetTenantStatus() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ id, status }: { id: string; status: Tenant["status"] }) =>
      dataOf(api.PATCH("/admin/tenants/{tenant_id}", { params: { path: { tenant_id: id } }, body: { status } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["tenants"] }),
  });
}
