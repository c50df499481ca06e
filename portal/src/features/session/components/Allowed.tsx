import { Lock } from "lucide-react";
import type { ReactNode } from "react";

import { EmptyState } from "@/ui/States";

import { type Permission, usePermission } from "../queries";

/** Shows a page only to those who may read it. The admin API refuses anyway; this says it in words. */
export function Allowed({ permission, children }: { permission: Permission; children: ReactNode }) {
  const allowed = usePermission(permission);
  if (allowed) return children;
  return (
    <EmptyState icon={<Lock />} title="You have no access to this page">
      It needs the permission <code>{permission}</code>. Ask an owner of this gateway for it.
    </EmptyState>
  );
}
