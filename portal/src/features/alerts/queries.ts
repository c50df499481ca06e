/** Alerts of the installation or of one of one's own tenants: who is told of what, and what was told. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { nextCursor, pageQuery } from "@/api/paging";
import type { Alert, AlertPolicy } from "@/api/types";

export type AlertScope = { of: "installation" } | { of: "tenant"; tenantId: string };
export const INSTALLATION: AlertScope = { of: "installation" };

export interface PolicyInput {
  emails: string[];
  webhooks: { id?: string; url: string; format: "json" | "slack" }[];
  cooldown_seconds: number;
  enabled: boolean;
}

export type TestTarget = { email: string } | { webhook_id: string };

/** Each scope's requests. They have the same shapes; only their addresses differ. */
function requestsOf(scope: AlertScope) {
  if (scope.of === "installation") {
    return {
      policy: () => dataOf(api.GET("/admin/alerts/policy")),
      save: (body: PolicyInput) => dataOf(api.PUT("/admin/alerts/policy", { body })),
      clear: () => api.DELETE("/admin/alerts/policy"),
      test: (body: TestTarget) => dataOf(api.POST("/admin/alerts/policy/test", { body })),
      list: (cursor: string | undefined) => dataOf(api.GET("/admin/alerts", { params: { query: pageQuery(cursor) } })),
      redeliver: (id: string) =>
        dataOf(api.POST("/admin/alerts/{alert_id}/redeliver", { params: { path: { alert_id: id } } })),
    };
  }
  const path = { tenant_id: scope.tenantId };
  return {
    policy: () => dataOf(api.GET("/user/tenants/{tenant_id}/alerts", { params: { path } })),
    save: (body: PolicyInput) => dataOf(api.PUT("/user/tenants/{tenant_id}/alerts", { params: { path }, body })),
    clear: () => api.DELETE("/user/tenants/{tenant_id}/alerts", { params: { path } }),
    test: (body: TestTarget) => dataOf(api.POST("/user/tenants/{tenant_id}/alerts/test", { params: { path }, body })),
    list: (cursor: string | undefined) =>
      dataOf(api.GET("/user/tenants/{tenant_id}/alerts/history", { params: { path, query: pageQuery(cursor) } })),
    redeliver: (id: string) =>
      dataOf(
        api.POST("/user/tenants/{tenant_id}/alerts/history/{alert_id}/redeliver", {
          params: { path: { ...path, alert_id: id } },
        }),
      ),
  };
}

export function policyQuery(scope: AlertScope) {
  return queryOptions({
    queryKey: ["alerts", "policy", scope],
    queryFn: (): Promise<AlertPolicy> => requestsOf(scope).policy(),
  });
}

export function alertListQuery(scope: AlertScope) {
  return infiniteQueryOptions({
    queryKey: ["alerts", "list", scope],
    queryFn: ({ pageParam }) => requestsOf(scope).list(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextCursor,
  });
}

/** Its reply has the secrets of webhooks that are new, once: it is not put in the cache. */
export function useSavePolicy(scope: AlertScope) {
  const queryClient = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: (body: PolicyInput): Promise<AlertPolicy> => requestsOf(scope).save(body),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["alerts", "policy"] }),
  });
}

/** Afterwards a tenant's alerts go where the installation's go. */
export function useClearPolicy(scope: AlertScope) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: () => requestsOf(scope).clear(),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["alerts", "policy"] }),
  });
}

export function useTestDelivery(scope: AlertScope) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: TestTarget): Promise<Alert> => requestsOf(scope).test(body),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["alerts", "list"] }),
  });
}

export function useRedeliver(scope: AlertScope) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (id: string): Promise<Alert> => requestsOf(scope).redeliver(id),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["alerts", "list"] }),
  });
}
