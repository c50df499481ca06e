/** Alerts: who is told of what, and what was told. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { nextCursor, pageQuery } from "@/api/paging";
import type { AlertPolicy } from "@/api/types";

export const defaultPolicyQuery = queryOptions({
  queryKey: ["alerts", "policy"],
  queryFn: ({ signal }): Promise<AlertPolicy> => dataOf(api.GET("/admin/alerts/policy", { signal })),
});

export const alertListQuery = infiniteQueryOptions({
  queryKey: ["alerts", "list"],
  queryFn: ({ pageParam, signal }) =>
    dataOf(api.GET("/admin/alerts", { params: { query: pageQuery(pageParam) }, signal })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: nextCursor,
});

export interface PolicyInput {
  emails: string[];
  webhooks: { id?: string; url: string; format: "json" | "slack" }[];
  cooldown_seconds: number;
  enabled: boolean;
}

export function useSavePolicy() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: PolicyInput) => dataOf(api.PUT("/admin/alerts/policy", { body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["alerts", "policy"] }),
  });
}

export function useTestDelivery() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: { email: string } | { webhook_id: string }) =>
      dataOf(api.POST("/admin/alerts/policy/test", { body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["alerts", "list"] }),
  });
}

export function useRedeliver() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      dataOf(api.POST("/admin/alerts/{alert_id}/redeliver", { params: { path: { alert_id: id } } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["alerts", "list"] }),
  });
}
