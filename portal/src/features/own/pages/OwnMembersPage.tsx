import { useNavigate, useSearch } from "@tanstack/react-router";
import { Users } from "lucide-react";

import { Members } from "@/features/members/components/Members";
import { Card } from "@/ui/Card";
import { Page } from "@/ui/Page";
import { EmptyState } from "@/ui/States";

import { OwnTenantChoice } from "../components/OwnTenantChoice";
import { useOwnTenant } from "../queries";

/** The people of one of the person's own tenants. */
export function OwnMembersPage() {
  const { tenant: chosen } = useSearch({ from: "/signed-in/my/members" });
  const navigate = useNavigate({ from: "/my/members" });
  const { tenant, all } = useOwnTenant(chosen);
  return (
    <Page
      title="Your team"
      description={tenant ? `The people of ${tenant.name}.` : "The people of your tenants."}
      actions={
        <OwnTenantChoice
          tenants={all}
          value={tenant?.id}
          onChange={(next) => void navigate({ search: { tenant: next }, replace: true })}
        />
      }
    >
      {tenant ? (
        <Members
          door="user"
          tenantId={tenant.id}
          mayWrite={tenant.kind === "organization" && tenant.permissions.includes("members:write")}
        />
      ) : (
        <Card title="Your tenants" flush>
          <EmptyState icon={<Users />} title="You belong to no tenant yet">
            Ask an owner or admin of your team’s tenant for an invitation.
          </EmptyState>
        </Card>
      )}
    </Page>
  );
}
