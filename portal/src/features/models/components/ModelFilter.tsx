import { useQuery } from "@tanstack/react-query";

import { usePermission } from "@/features/session/queries";
import { Select } from "@/ui/Field";

import { allModelsQuery } from "../queries";

interface ModelFilterProps {
  value: string | undefined;
  onChange: (alias: string | undefined) => void;
}

/** Narrows a page to one model. A model that has left the catalog stays a choice while it is chosen. */
export function ModelFilter({ value, onChange }: ModelFilterProps) {
  const allowed = usePermission("catalog:read");
  const models = useQuery({ ...allModelsQuery, enabled: allowed });
  const aliases = new Set((models.data ?? []).map((model) => model.alias));
  if (value !== undefined) aliases.add(value);
  if (aliases.size < 2 && value === undefined) return null;
  return (
    <Select
      compact
      aria-label="Model"
      value={value ?? ""}
      onChange={(event) => onChange(event.target.value || undefined)}
    >
      <option value="">All models</option>
      {[...aliases].toSorted().map((alias) => (
        <option key={alias} value={alias}>
          {alias}
        </option>
      ))}
    </Select>
  );
}
