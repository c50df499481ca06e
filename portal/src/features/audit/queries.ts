/** What was done, by whom, and what was different afterwards. */
import { infiniteQueryOptions } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { nextCursor, pageQuery } from "@/api/paging";

export function auditQuery(resource: string | undefined) {
  return infiniteQueryOptions({
    queryKey: ["audit", resource],
    queryFn: ({ pageParam, signal }) => {
      const query = { ...pageQuery(pageParam), ...(resource ? { resource_type: resource } : {}) };
      return dataOf(api.GET("/admin/audit/entries", { params: { query }, signal }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextCursor,
  });
}
