import { useQuery } from "@tanstack/react-query";

import { usePermission } from "@/features/session/queries";
import { Checklist } from "@/ui/Checklist";
import { Switch } from "@/ui/Field";
import { Skeleton } from "@/ui/States";

import { allModelsQuery } from "../queries";

interface ModelChoiceProps {
  /** Null means every model, also those that are added later; an empty list means none. */
  chosen: readonly string[] | null;
  onChange: (chosen: string[] | null) => void;
  everyLabel?: string;
  everyHint?: string;
  /** Said where nothing is chosen. */
  noneNote: string;
}

/** Which models something may call: every one, or those that are ticked. */
export function ModelChoice(props: ModelChoiceProps) {
  const { chosen, onChange, everyLabel = "Every model", everyHint = "Also those that are added later" } = props;
  return (
    <>
      <Switch
        label={everyLabel}
        hint={everyHint}
        checked={chosen === null}
        onChange={(every) => onChange(every ? null : [])}
      />
      {chosen !== null && <Models chosen={chosen} onChange={onChange} noneNote={props.noneNote} />}
    </>
  );
}

interface ModelsProps {
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
  noneNote: string;
}

function Models({ chosen, onChange, noneNote }: ModelsProps) {
  const allowed = usePermission("catalog:read");
  const catalog = useQuery({ ...allModelsQuery, enabled: allowed });
  if (allowed && catalog.isPending) return <Skeleton height="6rem" />;
  // A model on the list may since have left the catalog; it stays visible, so that it can be taken off.
  const aliases = [...new Set([...(catalog.data ?? []).map((model) => model.alias), ...chosen])].toSorted();
  const note = aliases.length === 0 ? "The catalog is empty. Add a model first." : noneNote;
  return (
    <Checklist
      legend="Models it may call"
      options={aliases}
      chosen={chosen}
      onChange={onChange}
      note={chosen.length === 0 && note}
    />
  );
}
