import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";

import { Allowed } from "@/features/session/components/Allowed";
import { usePermission } from "@/features/session/queries";
import { allTenantsQuery } from "@/features/tenants/queries";
import { Page } from "@/ui/Page";

import { Members } from "../components/Members";

/** The people of any tenant, for the platform's people. */
export function TenantMembersPage() {
  return (
    <Allowed permission="members:read">
      <TenantMembers />
    </Allowed>
  );
}

function TenantMembers() {
  const { tenantId } = useParams({ from: "/signed-in/tenants/$tenantId/members" });
  const mayWrite = usePermission("members:write");
  const name = useQuery(allTenantsQuery).data?.find((tenant) => tenant.id === tenantId)?.name ?? "this tenant";
  return (
    <Page title="Members" description={`The people of ${name}.`}>
      <Members door="admin" tenantId={tenantId} mayWrite={mayWrite} />
    </Page>
  );
}
