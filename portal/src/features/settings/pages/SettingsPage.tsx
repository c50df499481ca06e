import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { LimitsWithModels } from "@/api/types";
import { LimitsDialog } from "@/features/limits/components/LimitsDialog";
import { LIMIT_KINDS, type LimitKind } from "@/features/limits/limits-form";
import { type LimitTarget, limitsQuery } from "@/features/limits/queries";
import { Allowed } from "@/features/session/components/Allowed";
import { usePermission } from "@/features/session/queries";
import { count } from "@/lib/numbers";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Page } from "@/ui/Page";
import { FormError } from "@/ui/States";

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

const INSTALLATION: LimitTarget = { of: "installation" };

function inWords(limits: LimitsWithModels): string {
  const kinds = Object.keys(LIMIT_KINDS) as LimitKind[];
  const said = kinds.map((kind) => `${LIMIT_KINDS[kind]}: ${limits[kind] === null ? "no limit" : count(limits[kind])}`);
  return [...said, ...Object.keys(limits.models).map((alias) => `and those of ${alias}`)].join(" · ");
}

function DefaultLimits() {
  const mayWrite = usePermission("settings:write");
  const limits = useQuery(limitsQuery(INSTALLATION));
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
      {limits.isError && <FormError>{limits.error.message}</FormError>}
      {limits.data && <p>{inWords(limits.data.own)}</p>}
      {editing && (
        <LimitsDialog
          target={INSTALLATION}
          title="Default limits"
          description="Of each tenant that has none of its own. Empty is no limit."
          onClose={() => setEditing(false)}
        />
      )}
    </Card>
  );
}
