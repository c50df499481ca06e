import { Allowed } from "@/features/session/components/Allowed";
import { usePermission } from "@/features/session/queries";
import { Page } from "@/ui/Page";

import { Destinations } from "../components/Destinations";
import { History } from "../components/History";
import { INSTALLATION } from "../queries";

export function AlertsPage() {
  const mayWrite = usePermission("alerts:write");
  return (
    <Allowed permission="alerts:read">
      <Page title="Alerts" description="Who is told of budgets, providers and expiring keys, and what was told.">
        <Destinations scope={INSTALLATION} mayWrite={mayWrite} />
        <History scope={INSTALLATION} mayWrite={mayWrite} />
      </Page>
    </Allowed>
  );
}
