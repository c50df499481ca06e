/** The frame around every signed-in page: navigation the person's permissions allow, theme, account. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouter } from "@tanstack/react-router";
import {
  Activity,
  BellRing,
  BookOpen,
  Boxes,
  Building2,
  ChartNoAxesColumn,
  ChartPie,
  ChartSpline,
  HeartPulse,
  KeyRound,
  KeySquare,
  LogOut,
  PiggyBank,
  ScrollText,
  Settings,
  UserRound,
  Users,
} from "lucide-react";
import type { ReactNode } from "react";

import { ownTenantsQuery } from "@/features/own/queries";
import { type Permission, useLogout, useSession } from "@/features/session/queries";
import { BrandMark } from "@/ui/BrandMark";
import { IconButton } from "@/ui/Button";

import styles from "./AppShell.module.css";
import { ThemeSwitch } from "./ThemeSwitch";

type PagePath =
  | "/"
  | "/compare"
  | "/calls"
  | "/api-keys"
  | "/models"
  | "/tenants"
  | "/people"
  | "/budgets"
  | "/alerts"
  | "/audit"
  | "/health"
  | "/settings";

const PAGES: readonly { to: PagePath; label: string; icon: ReactNode; permission: Permission }[] = [
  { to: "/", label: "Dashboard", icon: <ChartNoAxesColumn aria-hidden />, permission: "usage:read" },
  { to: "/compare", label: "Compare", icon: <ChartSpline aria-hidden />, permission: "usage:read" },
  { to: "/calls", label: "Calls", icon: <Activity aria-hidden />, permission: "usage:read" },
  { to: "/api-keys", label: "API keys", icon: <KeyRound aria-hidden />, permission: "api_keys:read" },
  { to: "/models", label: "Models", icon: <Boxes aria-hidden />, permission: "catalog:read" },
  { to: "/tenants", label: "Tenants", icon: <Building2 aria-hidden />, permission: "tenants:read" },
  { to: "/people", label: "People", icon: <UserRound aria-hidden />, permission: "users:read" },
  { to: "/budgets", label: "Budgets", icon: <PiggyBank aria-hidden />, permission: "budgets:read" },
  { to: "/alerts", label: "Alerts", icon: <BellRing aria-hidden />, permission: "alerts:read" },
  { to: "/audit", label: "Audit log", icon: <ScrollText aria-hidden />, permission: "audit:read" },
  { to: "/health", label: "Health", icon: <HeartPulse aria-hidden />, permission: "settings:read" },
  { to: "/settings", label: "Settings", icon: <Settings aria-hidden />, permission: "settings:read" },
];

const OWN_PAGES = [
  { to: "/my", label: "Your usage", icon: <ChartPie aria-hidden /> },
  { to: "/my/keys", label: "Your keys", icon: <KeySquare aria-hidden /> },
  { to: "/my/members", label: "Your team", icon: <Users aria-hidden /> },
  { to: "/my/alerts", label: "Your alerts", icon: <BellRing aria-hidden /> },
] as const;

export function AppShell() {
  const session = useSession();
  const ownTenants = useQuery(ownTenantsQuery);
  const router = useRouter();
  const queryClient = useQueryClient();
  const logout = useLogout();
  const leave = () =>
    logout.mutate(undefined, {
      onSuccess: () => void router.navigate({ to: "/login", search: {} }).finally(() => queryClient.clear()),
    });
  const { user } = session;

  return (
    <div className={styles["shell"]}>
      <a className={styles["skip"]} href="#content">
        Skip to content
      </a>
      <aside className={styles["sidebar"]}>
        <Link to="/" className={styles["brand"]}>
          <BrandMark size={26} />
          <span>Open Model Gateway</span>
        </Link>
        <nav aria-label="Main" className={styles["nav"]}>
          {PAGES.filter((page) => session.permissions.includes(page.permission)).map((page) => (
            <Link key={page.to} to={page.to} activeOptions={{ exact: page.to === "/", includeSearch: false }}>
              {page.icon}
              <span>{page.label}</span>
            </Link>
          ))}
          {(ownTenants.data?.length ?? 0) > 0 || session.permissions.length === 0
            ? OWN_PAGES.map((page) => (
                <Link key={page.to} to={page.to} activeOptions={{ exact: true, includeSearch: false }}>
                  {page.icon}
                  <span>{page.label}</span>
                </Link>
              ))
            : null}
        </nav>
        <div className={styles["foot"]}>
          <a href="/docs" target="_blank" rel="noreferrer" className={styles["docs"]}>
            <BookOpen aria-hidden />
            <span>API reference</span>
          </a>
          <ThemeSwitch />
          <div className={styles["account"]}>
            <span className={styles["avatar"]} aria-hidden>
              {(user.name || user.email).slice(0, 1).toUpperCase()}
            </span>
            <Link to="/profile" className={styles["who"]} title="Your profile">
              <strong>{user.name || user.email}</strong>
              <span title={user.email}>{user.email}</span>
            </Link>
            <IconButton label="Sign out" icon={<LogOut aria-hidden />} onClick={leave} disabled={logout.isPending} />
          </div>
        </div>
      </aside>
      <main id="content" tabIndex={-1} className={styles["main"]}>
        <Outlet />
      </main>
    </div>
  );
}
