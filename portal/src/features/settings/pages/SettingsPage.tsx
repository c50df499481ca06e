import { useState } from "react";

import { LimitsDialog } from "@/features/limits/components/LimitsDialog";
import { Allowed } from "@/features/session/components/Allowed";
import { usePermission } from "@/features/session/queries";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Page } from "@/ui/Page";

import { ConfigurationFile } from "../components/ConfigurationFile";
import { DefaultBudgetForm } from "../components/DefaultBudgetForm";
import { MailForm } from "../components/MailForm";
import { TenantSettingsForm } from "../components/TenantSettingsForm";

export function SettingsPage() {
  return (
    <Allowed permission="settings:read">
      <Page title="Settings" description="What holds for the whole installation, from the moment it is saved.">
        <DefaultLimits />
        <DefaultBudgetForm />
        <TenantSettingsForm />
        <MailForm />
        <ConfigurationFile />
      </Page>
    </Allowed>
  );
}

function DefaultLimits() {
  const mayWrite = usePermission("settings:write");
  const [editing, setEditing] = useState(false);
  return (
    <Card
      title="Default limits"
      aside={
        mayWrite && (
          <Button size="sm" onClick={() => setEditing(true)}>
            Edit limits
          </Button>
        )
      }
    >
      <p>Each tenant without limits of its own may call as much as these say.</p>
      {editing && (
        <LimitsDialog
          target={{ of: "installation" }}
          title="Default limits"
          description="Of each tenant that has none of its own. Empty is no limit."
          onClose={() => setEditing(false)}
        />
      )}
    </Card>
  );
}
