import { useNavigate, useSearch } from "@tanstack/react-router";
import { BellRing } from "lucide-react";
import { Fragment } from "react";

import { Destinations } from "@/features/alerts/components/Destinations";
import { History } from "@/features/alerts/components/History";
import type { AlertScope } from "@/features/alerts/queries";
import { Card } from "@/ui/Card";
import { Page } from "@/ui/Page";
import { EmptyState } from "@/ui/States";

import { OwnTenantChoice } from "../components/OwnTenantChoice";
import { useOwnTenant } from "../queries";

/** Who is told of the budgets and keys of one of the person's own tenants. */
export function OwnAlertsPage() {
  const { tenant: chosen } = useSearch({ from: "/signed-in/my/alerts" });
  const navigate = useNavigate({ from: "/my/alerts" });
  const { tenant, all } = useOwnTenant(chosen);
  const scope: AlertScope | undefined = tenant && { of: "tenant", tenantId: tenant.id };
  const mayRead = tenant?.permissions.includes("alerts:read") ?? false;
  const mayWrite = tenant?.permissions.includes("alerts:write") ?? false;
  return (
    <Page
      title="Your alerts"
      description={tenant ? `Who is told of the budgets and keys of ${tenant.name}.` : "Who is told of what."}
      actions={
        <OwnTenantChoice
          tenants={all}
          value={tenant?.id}
          onChange={(next) => void navigate({ search: { tenant: next }, replace: true })}
        />
      }
    >
      {scope && mayRead ? (
        <Fragment key={tenant?.id}>
          <Destinations scope={scope} mayWrite={mayWrite} />
          <History scope={scope} mayWrite={mayWrite} />
        </Fragment>
      ) : (
        <Card title="Your tenants" flush>
          <EmptyState
            icon={<BellRing />}
            title={tenant ? "You do not see the alerts of this tenant" : "You belong to no tenant yet"}
          >
            Its owners and admins do. Ask one of them.
          </EmptyState>
        </Card>
      )}
    </Page>
  );
}
