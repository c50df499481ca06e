/** The catalog: names that clients ask for, and the provider routes behind them. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { everyPage, nextCursor, pageQuery } from "@/api/paging";
import type { Model, ModelWrite, PriceVersion, PriceVersionWrite, Provider } from "@/api/types";

export const modelListQuery = infiniteQueryOptions({
  queryKey: ["models", "list"],
  queryFn: ({ pageParam, signal }) =>
    dataOf(api.GET("/admin/model-catalog", { params: { query: pageQuery(pageParam) }, signal })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: nextCursor,
});

/** Every model, for choosing one. */
export const allModelsQuery = queryOptions({
  queryKey: ["models", "all"],
  queryFn: ({ signal }): Promise<Model[]> =>
    everyPage((query) => dataOf(api.GET("/admin/model-catalog", { params: { query }, signal }))),
  staleTime: 30_000,
});

export const providersQuery = queryOptions({
  queryKey: ["providers"],
  queryFn: async ({ signal }): Promise<Provider[]> => (await dataOf(api.GET("/admin/providers", { signal }))).data,
  staleTime: 10 * 60_000,
});

export function useSaveModel() {
  const queryClient = useQueryClient();
  return useMutation({
    // The body may carry a provider's credential: it is not kept after the form is gone.
    gcTime: 0,
    mutationFn: ({ alias, body }: { alias: string; body: ModelWrite }) =>
      dataOf(api.PUT("/admin/model-catalog/{alias}", { params: { path: { alias } }, body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["models"] }),
  });
}

export function pricesQuery(routeId: string) {
  return queryOptions({
    queryKey: ["models", "prices", routeId],
    queryFn: async ({ signal }): Promise<PriceVersion[]> =>
      (await dataOf(api.GET("/admin/routes/{route_id}/prices", { params: { path: { route_id: routeId } }, signal })))
        .data,
  });
}

export function useAddPrices(routeId: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: PriceVersionWrite) =>
      dataOf(api.POST("/admin/routes/{route_id}/prices", { params: { path: { route_id: routeId } }, body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["models"] }),
  });
}

export function useTakeBackPrices(routeId: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (version: string) =>
      api.DELETE("/admin/routes/{route_id}/prices/{version}", { params: { path: { route_id: routeId, version } } }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["models"] }),
  });
}

export function useDeleteModel() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (alias: string) => api.DELETE("/admin/model-catalog/{alias}", { params: { path: { alias } } }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["models"] }),
  });
}
