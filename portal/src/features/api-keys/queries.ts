/** API keys of every tenant; and what is changed of one, behind either door. */
import { type QueryClient, infiniteQueryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { nextCursor, pageQuery } from "@/api/paging";
import type { ApiKey, ApiKeyCreated, ApiKeyUpdate } from "@/api/types";
import type { Door } from "@/features/members/queries";

export function apiKeyListQuery(tenant: string | undefined) {
  return infiniteQueryOptions({
    queryKey: ["api-keys", tenant],
    queryFn: ({ pageParam, signal }) => {
      const query = { ...pageQuery(pageParam), ...(tenant ? { tenant_id: tenant } : {}) };
      return dataOf(api.GET("/admin/api-keys", { params: { query }, signal }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextCursor,
  });
}

interface NewApiKey {
  tenantId: string;
  name: string;
  /** The moment from which the key is refused, RFC 3339; null for never. */
  expiresAt: string | null;
}

/** Creates a key. Its reply is the only place where the secret ever is: it is not put in the cache. */
export function useCreateApiKey() {
  const queryClient = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: ({ tenantId, name, expiresAt }: NewApiKey) =>
      dataOf(
        api.POST("/admin/tenants/{tenant_id}/api-keys", {
          params: { path: { tenant_id: tenantId } },
          body: expiresAt === null ? { name } : { name, expires_at: expiresAt },
        }),
      ),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["api-keys"] }),
  });
}

export function useRevokeApiKey() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ tenantId, keyId }: { tenantId: string; keyId: string }) =>
      api.DELETE("/admin/tenants/{tenant_id}/api-keys/{key_id}", {
        params: { path: { tenant_id: tenantId, key_id: keyId } },
      }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["api-keys"] }),
  });
}

/** Key lists of both doors: the platform's, and one's own. */
function invalidateKeys(queryClient: QueryClient) {
  return Promise.all([
    queryClient.invalidateQueries({ queryKey: ["api-keys"] }),
    queryClient.invalidateQueries({ queryKey: ["own", "keys"] }),
  ]);
}

export function useUpdateApiKey(door: Door, key: ApiKey) {
  const queryClient = useQueryClient();
  const params = { path: { tenant_id: key.tenant_id, key_id: key.id } };
  return useMutation({
    mutationFn: (body: ApiKeyUpdate): Promise<ApiKey> =>
      door === "admin"
        ? dataOf(api.PATCH("/admin/tenants/{tenant_id}/api-keys/{key_id}", { params, body }))
        : dataOf(api.PATCH("/user/tenants/{tenant_id}/api-keys/{key_id}", { params, body })),
    onSuccess: () => invalidateKeys(queryClient),
  });
}

/** A new secret; the present one ends after so many seconds. Its reply is the only place where the secret ever is. */
export function useRotateApiKey(door: Door, key: ApiKey) {
  const queryClient = useQueryClient();
  const params = { path: { tenant_id: key.tenant_id, key_id: key.id } };
  return useMutation({
    gcTime: 0,
    mutationFn: (seconds: number): Promise<ApiKeyCreated> => {
      const body = { grace_seconds: seconds };
      return door === "admin"
        ? dataOf(api.POST("/admin/tenants/{tenant_id}/api-keys/{key_id}/rotate", { params, body }))
        : dataOf(api.POST("/user/tenants/{tenant_id}/api-keys/{key_id}/rotate", { params, body }));
    },
    onSuccess: () => invalidateKeys(queryClient),
  });
}
