import type { OwnTenant } from "@/api/types";
import { Select } from "@/ui/Field";

interface OwnTenantChoiceProps {
  tenants: readonly OwnTenant[];
  value: string | undefined;
  onChange: (tenantId: string) => void;
}

/** Which of one's tenants a page is about. Absent where there is nothing to choose. */
export function OwnTenantChoice({ tenants, value, onChange }: OwnTenantChoiceProps) {
  if (tenants.length < 2) return null;
  return (
    <Select compact aria-label="Tenant" value={value ?? ""} onChange={(event) => onChange(event.target.value)}>
      {tenants.map((tenant) => (
        <option key={tenant.id} value={tenant.id}>
          {tenant.name}
        </option>
      ))}
    </Select>
  );
}
