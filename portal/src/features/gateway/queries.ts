/** Where the gateway's own API is: what curl lines are made of. */
import { queryOptions } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";

export const gatewayQuery = queryOptions({
  queryKey: ["gateway"],
  queryFn: ({ signal }) => dataOf(api.GET("/admin/gateway", { signal })),
  staleTime: 5 * 60_000,
});
