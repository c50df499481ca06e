/** Everybody who can sign in, what they may do on the platform, and who is invited to it. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { everyPage, nextCursor, pageQuery } from "@/api/paging";
import type { Invitation, InvitationMade, PlatformRole, UserUpdate } from "@/api/types";

export const peopleQuery = infiniteQueryOptions({
  queryKey: ["people", "list"],
  queryFn: ({ pageParam, signal }) =>
    dataOf(api.GET("/admin/users", { params: { query: pageQuery(pageParam) }, signal })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: nextCursor,
});

export const platformInvitationsQuery = queryOptions({
  queryKey: ["people", "invitations"],
  queryFn: (): Promise<Invitation[]> =>
    everyPage((query) => dataOf(api.GET("/admin/invitations", { params: { query } }))),
});

export function useUpdatePerson() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ id, ...body }: UserUpdate & { id: string }) =>
      dataOf(api.PATCH("/admin/users/{user_id}", { params: { path: { user_id: id } }, body })),
    // Also after a refusal: the choice on screen goes back to what is.
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["people"] }),
  });
}

/** Links are shown once: replies with one are not put in the cache. */
export function useInvitePerson() {
  const queryClient = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: (body: { email: string; role: PlatformRole | null }): Promise<InvitationMade> =>
      dataOf(api.POST("/admin/invitations", { body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["people", "invitations"] }),
  });
}

export function usePasswordLink() {
  return useMutation({
    gcTime: 0,
    mutationFn: (id: string): Promise<InvitationMade> =>
      dataOf(api.POST("/admin/users/{user_id}/password-link", { params: { path: { user_id: id } } })),
  });
}

export function useWithdrawInvitation() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      api.DELETE("/admin/invitations/{invitation_id}", { params: { path: { invitation_id: id } } }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["people", "invitations"] }),
  });
}
