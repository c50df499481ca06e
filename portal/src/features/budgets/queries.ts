/** Budgets: how much may be spent, by whom, and what is spent of it. */
import { infiniteQueryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import { nextCursor, pageQuery } from "@/api/paging";
import type { BudgetCreate } from "@/api/types";

export const budgetListQuery = infiniteQueryOptions({
  queryKey: ["budgets", "list"],
  queryFn: ({ pageParam, signal }) =>
    dataOf(api.GET("/admin/budgets", { params: { query: pageQuery(pageParam) }, signal })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: nextCursor,
});

/** What can be changed of a budget; what it is for cannot. */
export type BudgetInput = Pick<BudgetCreate, "name" | "amount_usd" | "hard" | "schedule" | "warn_at" | "alert_at">;

export function useCreateBudget() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: BudgetCreate) => dataOf(api.POST("/admin/budgets", { body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["budgets"] }),
  });
}

export function useChangeBudget(id: string) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (body: BudgetInput) =>
      dataOf(api.PATCH("/admin/budgets/{budget_id}", { params: { path: { budget_id: id } }, body })),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["budgets"] }),
  });
}

export function useDeleteBudget() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.DELETE("/admin/budgets/{budget_id}", { params: { path: { budget_id: id } } }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["budgets"] }),
  });
}
