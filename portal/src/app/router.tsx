/** Every page and its address. Pages are loaded when they are first visited; the session is checked before. */
import type { QueryClient } from "@tanstack/react-query";
import {
  Outlet,
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";

import { ApiError } from "@/api/client";
import { LoginPage } from "@/features/session/pages/LoginPage";
import { sessionQuery } from "@/features/session/queries";
import { type Choice, choicesIn } from "@/features/usage/comparison";
import { isPeriod, type Period } from "@/features/usage/period";

import { AppShell } from "./AppShell";
import { NotFound, RouteError, RoutePending } from "./RouteStates";

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const rootRoute = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: Outlet,
  notFoundComponent: NotFound,
});

interface LoginSearch {
  next?: string | undefined;
  expired?: boolean | undefined;
  error?: string | undefined;
}

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/login",
  validateSearch: (search): LoginSearch => ({
    next: text(search["next"]),
    expired: search["expired"] === true ? true : undefined,
    error: text(search["error"]),
  }),
  component: LoginPage,
});

const invitationRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/invitation",
  component: lazyRouteComponent(() => import("@/features/invitations/pages/InvitationPage"), "InvitationPage"),
});

const signedInRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "signed-in",
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(sessionQuery);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        throw redirect({ to: "/login", search: { next: location.href === "/" ? undefined : location.href } });
      }
      throw error;
    }
  },
  component: AppShell,
});

export interface DashboardSearch {
  period?: Period | undefined;
  tenant?: string | undefined;
}

const dashboardRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/",
  validateSearch: (search): DashboardSearch => ({
    period: isPeriod(search["period"]) ? search["period"] : undefined,
    tenant: text(search["tenant"]),
  }),
  beforeLoad: async ({ context }) => {
    // People without a platform role start with what is theirs.
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    if (session.permissions.length === 0) throw redirect({ to: "/my", search: {}, replace: true });
  },
  component: lazyRouteComponent(() => import("@/features/usage/pages/DashboardPage"), "DashboardPage"),
});

export interface CallsSearch {
  tenant?: string | undefined;
  key?: string | undefined;
  model?: string | undefined;
}

const callsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/calls",
  validateSearch: (search): CallsSearch => ({
    tenant: text(search["tenant"]),
    key: text(search["key"]),
    model: text(search["model"]),
  }),
  component: lazyRouteComponent(() => import("@/features/calls/pages/CallsPage"), "CallsPage"),
});

const apiKeysRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/api-keys",
  validateSearch: (search): { tenant?: string | undefined } => ({ tenant: text(search["tenant"]) }),
  component: lazyRouteComponent(() => import("@/features/api-keys/pages/ApiKeysPage"), "ApiKeysPage"),
});

const modelsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/models",
  component: lazyRouteComponent(() => import("@/features/models/pages/ModelsPage"), "ModelsPage"),
});

const tenantsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/tenants",
  component: lazyRouteComponent(() => import("@/features/tenants/pages/TenantsPage"), "TenantsPage"),
});

const compareRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/compare",
  validateSearch: (search): { of?: Choice[] | undefined } => {
    const choices = choicesIn(search["of"]);
    return { of: choices.length === 0 ? undefined : choices };
  },
  component: lazyRouteComponent(() => import("@/features/usage/pages/ComparePage"), "ComparePage"),
});

const budgetsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/budgets",
  component: lazyRouteComponent(() => import("@/features/budgets/pages/BudgetsPage"), "BudgetsPage"),
});

const alertsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/alerts",
  component: lazyRouteComponent(() => import("@/features/alerts/pages/AlertsPage"), "AlertsPage"),
});

const auditRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/audit",
  validateSearch: (search): { resource?: string | undefined } => ({ resource: text(search["resource"]) }),
  component: lazyRouteComponent(() => import("@/features/audit/pages/AuditPage"), "AuditPage"),
});

const ownUsageRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/my",
  validateSearch: (search): DashboardSearch => ({
    period: isPeriod(search["period"]) ? search["period"] : undefined,
    tenant: text(search["tenant"]),
  }),
  component: lazyRouteComponent(() => import("@/features/own/pages/OwnUsagePage"), "OwnUsagePage"),
});

const ownKeysRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/my/keys",
  validateSearch: (search): { tenant?: string | undefined } => ({ tenant: text(search["tenant"]) }),
  component: lazyRouteComponent(() => import("@/features/own/pages/OwnKeysPage"), "OwnKeysPage"),
});

const ownMembersRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/my/members",
  validateSearch: (search): { tenant?: string | undefined } => ({ tenant: text(search["tenant"]) }),
  component: lazyRouteComponent(() => import("@/features/own/pages/OwnMembersPage"), "OwnMembersPage"),
});

const peopleRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/people",
  component: lazyRouteComponent(() => import("@/features/people/pages/PeoplePage"), "PeoplePage"),
});

const healthRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/health",
  component: lazyRouteComponent(() => import("@/features/health/pages/HealthPage"), "HealthPage"),
});

const settingsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("@/features/settings/pages/SettingsPage"), "SettingsPage"),
});

const ownAlertsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/my/alerts",
  validateSearch: (search): { tenant?: string | undefined } => ({ tenant: text(search["tenant"]) }),
  component: lazyRouteComponent(() => import("@/features/own/pages/OwnAlertsPage"), "OwnAlertsPage"),
});

const tenantMembersRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/tenants/$tenantId/members",
  component: lazyRouteComponent(() => import("@/features/members/pages/TenantMembersPage"), "TenantMembersPage"),
});

const profileRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/profile",
  component: lazyRouteComponent(() => import("@/features/profile/pages/ProfilePage"), "ProfilePage"),
});

const routeTree = rootRoute.addChildren([
  loginRoute,
  invitationRoute,
  signedInRoute.addChildren([
    dashboardRoute,
    callsRoute,
    apiKeysRoute,
    modelsRoute,
    tenantsRoute,
    budgetsRoute,
    alertsRoute,
    auditRoute,
    compareRoute,
    ownUsageRoute,
    ownKeysRoute,
    ownMembersRoute,
    ownAlertsRoute,
    peopleRoute,
    healthRoute,
    settingsRoute,
    tenantMembersRoute,
    profileRoute,
  ]),
]);

export function createPortalRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    defaultPreload: "intent",
    defaultErrorComponent: RouteError,
    defaultPendingComponent: RoutePending,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
  });
}

export type PortalRouter = ReturnType<typeof createPortalRouter>;

declare module "@tanstack/react-router" {
  interface Register {
    router: PortalRouter;
  }
}
