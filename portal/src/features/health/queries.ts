import { queryOptions } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import type { Health } from "@/api/types";

/** What the whole installation is doing, asked again every ten seconds. */
export const healthQuery = queryOptions({
  queryKey: ["health"],
  queryFn: ({ signal }): Promise<Health> => dataOf(api.GET("/admin/health", { signal })),
  refetchInterval: 10_000,
});
