/** One-time links: what one is for, and using it. The token is in the address behind the #, so no server sees it on the way. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";

export function invitationQuery(token: string) {
  return queryOptions({
    queryKey: ["invitation", token],
    queryFn: () => dataOf(api.POST("/admin/auth/invitations/look", { body: { token } })),
    retry: false,
    staleTime: Infinity,
  });
}

export function useRegister() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: { token: string; name: string; password: string }) =>
      dataOf(api.POST("/admin/auth/invitations/register", { body })),
    onSuccess: () => queryClient.clear(),
  });
}

export function useAcceptInvitation() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (token: string) => dataOf(api.POST("/user/invitations/accept", { body: { token } })),
    onSuccess: () => queryClient.clear(),
  });
}

export function useChoosePassword() {
  return useMutation({
    mutationFn: (body: { token: string; password: string }) =>
      api.POST("/admin/auth/invitations/new-password", { body }),
  });
}
