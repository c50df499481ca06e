/** Rate limits of the installation, of a tenant, or of a key behind either door. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import type { RateLimits, RateLimitsWrite } from "@/api/types";
import type { Door } from "@/features/members/queries";

export type LimitTarget =
  | { of: "installation" }
  | { of: "tenant"; tenantId: string }
  | { of: "key"; door: Door; tenantId: string; keyId: string };

interface Requests {
  read: () => Promise<RateLimits>;
  save: (body: RateLimitsWrite) => Promise<unknown>;
  clear: () => Promise<unknown>;
}

function requestsOf(target: LimitTarget): Requests {
  if (target.of === "installation") {
    return {
      read: () => dataOf(api.GET("/admin/rate-limits")),
      save: (body) => api.PUT("/admin/rate-limits", { body }),
      clear: () => api.DELETE("/admin/rate-limits"),
    };
  }
  if (target.of === "tenant") {
    const params = { path: { tenant_id: target.tenantId } };
    return {
      read: () => dataOf(api.GET("/admin/tenants/{tenant_id}/rate-limits", { params })),
      save: (body) => api.PUT("/admin/tenants/{tenant_id}/rate-limits", { params, body }),
      clear: () => api.DELETE("/admin/tenants/{tenant_id}/rate-limits", { params }),
    };
  }
  const params = { path: { tenant_id: target.tenantId, key_id: target.keyId } };
  if (target.door === "admin") {
    return {
      read: () => dataOf(api.GET("/admin/tenants/{tenant_id}/api-keys/{key_id}/rate-limits", { params })),
      save: (body) => api.PUT("/admin/tenants/{tenant_id}/api-keys/{key_id}/rate-limits", { params, body }),
      clear: () => api.DELETE("/admin/tenants/{tenant_id}/api-keys/{key_id}/rate-limits", { params }),
    };
  }
  return {
    read: () => dataOf(api.GET("/user/tenants/{tenant_id}/api-keys/{key_id}/rate-limits", { params })),
    save: (body) => api.PUT("/user/tenants/{tenant_id}/api-keys/{key_id}/rate-limits", { params, body }),
    clear: () => api.DELETE("/user/tenants/{tenant_id}/api-keys/{key_id}/rate-limits", { params }),
  };
}

export function limitsQuery(target: LimitTarget) {
  return queryOptions({ queryKey: ["limits", target], queryFn: () => requestsOf(target).read() });
}

/** Saves limits; null clears them, and what is above holds again. */
export function useSaveLimits(target: LimitTarget) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: RateLimitsWrite | null) => {
      const requests = requestsOf(target);
      return body === null ? requests.clear() : requests.save(body);
    },
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["limits"] }),
  });
}
