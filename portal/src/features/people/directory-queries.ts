/** The company's directory (SCIM): the tokens it comes with, and what its groups mean here. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import type { GroupRoles, ScimGroup } from "@/api/types";

export const directoryTokensQuery = queryOptions({
  queryKey: ["directory", "tokens"],
  queryFn: async ({ signal }) => (await dataOf(api.GET("/admin/settings/scim/tokens", { signal }))).data,
});

export const directoryGroupsQuery = queryOptions({
  queryKey: ["directory", "groups"],
  queryFn: async ({ signal }): Promise<ScimGroup[]> =>
    (await dataOf(api.GET("/admin/settings/scim/groups", { signal }))).data,
});

/** Its reply is the only place where the token ever is: it is not put in the cache. */
export function useCreateDirectoryToken() {
  const queryClient = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: (name: string) => dataOf(api.POST("/admin/settings/scim/tokens", { body: { name } })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["directory", "tokens"] }),
  });
}

export function useRevokeDirectoryToken() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      api.DELETE("/admin/settings/scim/tokens/{token_id}", { params: { path: { token_id: id } } }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["directory", "tokens"] }),
  });
}

export function useSetGroupRoles(groupId: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: GroupRoles) =>
      dataOf(
        api.PUT("/admin/settings/scim/groups/{group_id}/roles", { params: { path: { group_id: groupId } }, body }),
      ),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["directory", "groups"] }),
  });
}
