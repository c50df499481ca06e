/** Who belongs to a tenant, and who is invited, behind either door: the platform's, or that of the tenant's own people. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { everyPage } from "@/api/paging";
import type { Invitation, InvitationMade, Member, TenantRole } from "@/api/types";

export type Door = "admin" | "user";

type Query = { limit: number; cursor?: string };

/** Each door's requests. They have the same shapes; only their addresses differ. */
const DOORS = {
  admin: {
    members: (path: { tenant_id: string }, query: Query) =>
      dataOf(api.GET("/admin/tenants/{tenant_id}/members", { params: { path, query } })),
    invitations: (path: { tenant_id: string }, query: Query) =>
      dataOf(api.GET("/admin/tenants/{tenant_id}/invitations", { params: { path, query } })),
    invite: (path: { tenant_id: string }, body: { email: string; role: TenantRole }) =>
      dataOf(api.POST("/admin/tenants/{tenant_id}/invitations", { params: { path }, body })),
    withdraw: (path: { tenant_id: string; invitation_id: string }) =>
      api.DELETE("/admin/tenants/{tenant_id}/invitations/{invitation_id}", { params: { path } }),
    setRole: (path: { tenant_id: string; user_id: string }, body: { role: TenantRole }) =>
      api.PUT("/admin/tenants/{tenant_id}/members/{user_id}", { params: { path }, body }),
    remove: (path: { tenant_id: string; user_id: string }) =>
      api.DELETE("/admin/tenants/{tenant_id}/members/{user_id}", { params: { path } }),
  },
  user: {
    members: (path: { tenant_id: string }, query: Query) =>
      dataOf(api.GET("/user/tenants/{tenant_id}/members", { params: { path, query } })),
    invitations: (path: { tenant_id: string }, query: Query) =>
      dataOf(api.GET("/user/tenants/{tenant_id}/invitations", { params: { path, query } })),
    invite: (path: { tenant_id: string }, body: { email: string; role: TenantRole }) =>
      dataOf(api.POST("/user/tenants/{tenant_id}/invitations", { params: { path }, body })),
    withdraw: (path: { tenant_id: string; invitation_id: string }) =>
      api.DELETE("/user/tenants/{tenant_id}/invitations/{invitation_id}", { params: { path } }),
    setRole: (path: { tenant_id: string; user_id: string }, body: { role: TenantRole }) =>
      api.PUT("/user/tenants/{tenant_id}/members/{user_id}", { params: { path }, body }),
    remove: (path: { tenant_id: string; user_id: string }) =>
      api.DELETE("/user/tenants/{tenant_id}/members/{user_id}", { params: { path } }),
  },
} as const;

export function membersQuery(door: Door, tenantId: string) {
  return queryOptions({
    queryKey: ["members", door, tenantId],
    queryFn: (): Promise<Member[]> => everyPage((query) => DOORS[door].members({ tenant_id: tenantId }, query)),
  });
}

export function invitationsQuery(door: Door, tenantId: string) {
  return queryOptions({
    queryKey: ["invitations", door, tenantId],
    queryFn: (): Promise<Invitation[]> => everyPage((query) => DOORS[door].invitations({ tenant_id: tenantId }, query)),
  });
}

/** Makes a link. Its reply is the only place where the link ever is: it is not put in the cache. */
export function useInvite(door: Door, tenantId: string) {
  const queryClient = useQueryClient();
  return useMutation({
    gcTime: 0,
    mutationFn: (body: { email: string; role: TenantRole }): Promise<InvitationMade> =>
      DOORS[door].invite({ tenant_id: tenantId }, body),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["invitations", door, tenantId] }),
  });
}

export function useWithdraw(door: Door, tenantId: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (invitationId: string) => DOORS[door].withdraw({ tenant_id: tenantId, invitation_id: invitationId }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["invitations", door, tenantId] }),
  });
}

export function useSetRole(door: Door, tenantId: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ userId, role }: { userId: string; role: TenantRole }) =>
      DOORS[door].setRole({ tenant_id: tenantId, user_id: userId }, { role }),
    // Also after a refusal: the choice on screen goes back to what is.
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["members", door, tenantId] }),
  });
}

export function useRemoveMember(door: Door, tenantId: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (userId: string) => DOORS[door].remove({ tenant_id: tenantId, user_id: userId }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["members", door, tenantId] }),
  });
}
