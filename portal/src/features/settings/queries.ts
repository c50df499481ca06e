/** What holds for the whole installation and can be changed while it runs. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, dataOf } from "@/api/client";
import type { AlertSettings, AlertSettingsWrite, Configuration, DefaultBudget, TenantSettings } from "@/api/types";

export const tenantSettingsQuery = queryOptions({
  queryKey: ["settings", "tenants"],
  queryFn: ({ signal }): Promise<TenantSettings> => dataOf(api.GET("/admin/settings/tenants", { signal })),
});

export const budgetSettingsQuery = queryOptions({
  queryKey: ["settings", "budgets"],
  queryFn: async ({ signal }): Promise<DefaultBudget | null> =>
    (await dataOf(api.GET("/admin/settings/budgets", { signal }))).default_budget,
});

export const alertSettingsQuery = queryOptions({
  queryKey: ["settings", "alerts"],
  queryFn: ({ signal }): Promise<AlertSettings> => dataOf(api.GET("/admin/settings/alerts", { signal })),
});

export const configurationQuery = queryOptions({
  queryKey: ["settings", "configuration"],
  queryFn: ({ signal }): Promise<Configuration> => dataOf(api.GET("/admin/configuration", { signal })),
});

function useSaving<Input, Output>(save: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: save,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["settings"] }),
  });
}

export function useSaveTenantSettings() {
  return useSaving((body: TenantSettings) => api.PUT("/admin/settings/tenants", { body }));
}

export function useSaveDefaultBudget() {
  return useSaving((budget: DefaultBudget | null) =>
    api.PUT("/admin/settings/budgets", { body: { default_budget: budget } }),
  );
}

export function useSaveAlertSettings() {
  return useSaving((body: AlertSettingsWrite) => api.PUT("/admin/settings/alerts", { body }));
}

export function useTestEmail() {
  return useMutation({
    mutationFn: (to: string) => dataOf(api.POST("/admin/settings/alerts/test-email", { body: { to } })),
  });
}

export function useReloadConfiguration() {
  return useSaving(() => dataOf(api.POST("/admin/configuration/reload")));
}

export function useResetModel() {
  return useSaving((alias: string) => dataOf(api.POST("/admin/configuration/reset-model", { body: { alias } })));
}
