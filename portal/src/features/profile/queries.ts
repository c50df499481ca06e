/** One's own account: password and access tokens. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import type { AccessToken } from "@/api/types";

export const accessTokensQuery = queryOptions({
  queryKey: ["access-tokens"],
  queryFn: async ({ signal }): Promise<AccessToken[]> =>
    (await dataOf(api.GET("/user/access-tokens", { signal }))).data,
});

export function useChangePassword() {
  return useMutation({
    mutationFn: (body: { current_password: string; new_password: string }) => api.POST("/user/password", { body }),
  });
}

/** Creates a token. Its reply is the only place where it ever is: it is not put in the cache. */
export function useCreateAccessToken() {
  const queryClient = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: (name: string) => dataOf(api.POST("/user/access-tokens", { body: { name } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["access-tokens"] }),
  });
}

export function useRevokeAccessToken() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.DELETE("/user/access-tokens/{token_id}", { params: { path: { token_id: id } } }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["access-tokens"] }),
  });
}
