import { useQuery } from "@tanstack/react-query";

import { usePermission } from "@/features/session/queries";
import { Select } from "@/ui/Field";

import { allTenantsQuery } from "../queries";

interface TenantFilterProps {
  value: string | undefined;
  onChange: (tenantId: string | undefined) => void;
}

/** Narrows a page to one tenant. Absent where there is nothing to choose or no right to see the choices. */
export function TenantFilter({ value, onChange }: TenantFilterProps) {
  const allowed = usePermission("tenants:read");
  const tenants = useQuery({ ...allTenantsQuery, enabled: allowed });
  if (!allowed || tenants.data === undefined) return null;
  if (tenants.data.length < 2 && value === undefined) return null;
  return (
    <Select
      compact
      aria-label="Tenant"
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value || undefined)}
    >
      <option value="">All tenants</option>
      {tenants.data.map((tenant) => (
        <option key={tenant.id} value={tenant.id}>
          {tenant.name}
        </option>
      ))}
    </Select>
  );
}
