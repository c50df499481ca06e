/** Who is signed in and what they may do. */
import { queryOptions, useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import type { Session } from "@/api/types";

export type Permission = Session["permissions"][number];

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }): Promise<Session> => dataOf(api.GET("/admin/auth/session", { signal })),
  staleTime: 60_000,
});

/** The ways to sign in that this installation offers. */
export const methodsQuery = queryOptions({
  queryKey: ["sign-in-methods"],
  queryFn: ({ signal }) => dataOf(api.GET("/admin/auth/methods", { signal })),
  staleTime: 60_000,
});

/** The session of a signed-in page: the router has loaded it before the page renders. */
export function useSession(): Session {
  return useSuspenseQuery(sessionQuery).data;
}

export function usePermission(permission: Permission): boolean {
  return useSession().permissions.includes(permission);
}

export function useLogin() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: { email: string; password: string }) => dataOf(api.POST("/admin/auth/login", { body })),
    onSuccess: (session) => {
      // Nothing that an earlier person saw may show through.
      queryClient.clear();
      queryClient.setQueryData(sessionQuery.queryKey, session);
    },
  });
}

/** Ends the session on the server. Leave the page, then clear the cache: a mounted page would ask again. */
export function useLogout() {
  return useMutation({ mutationFn: () => api.POST("/admin/auth/logout") });
}
