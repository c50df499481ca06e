import { useQuery } from "@tanstack/react-query";

import type { Configuration } from "@/api/types";
import { usePermission } from "@/features/session/queries";
import { fullDateTime } from "@/lib/time";
import { Badge, type Tone } from "@/ui/Badge";
import { Button } from "@/ui/Button";
import { FormError } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";
import { useToast } from "@/ui/Toast";

import { configurationQuery, useReloadConfiguration, useResetModel } from "../queries";
import { LoadedCard } from "./SettingCard";

/** What the YAML file declares, and where the portal's edits stand instead of it. */
export function ConfigurationFile() {
  const configuration = useQuery(configurationQuery);
  return (
    <LoadedCard title="Configuration file" query={configuration}>
      {(data) => <Declared configuration={data} />}
    </LoadedCard>
  );
}

type State = Configuration["models"][number]["state"];
const STATES: Record<State, { tone: Tone; word: string }> = {
  in_force: { tone: "success", word: "In force" },
  overridden: { tone: "warning", word: "Edited here" },
  deleted: { tone: "warning", word: "Deleted here" },
  broken: { tone: "danger", word: "Broken" },
};

function Declared({ configuration }: { configuration: Configuration }) {
  const reload = useReloadConfiguration();
  const reset = useResetModel();
  const notify = useToast();
  const mayReload = usePermission("settings:write");
  const mayReset = usePermission("catalog:write");
  if (configuration.file === null) return <p>This installation is configured without a file.</p>;
  return (
    <>
      <p>
        <code>{configuration.file}</code>
        {configuration.read_at && `, read ${fullDateTime(configuration.read_at)}`}
      </p>
      {configuration.problems.map((problem) => (
        <FormError key={problem}>{problem}</FormError>
      ))}
      {reload.isError && <FormError>{reload.error.message}</FormError>}
      {reset.isError && <FormError>{reset.error.message}</FormError>}
      {mayReload && (
        <Button
          busy={reload.isPending}
          onClick={() => reload.mutate(undefined, { onSuccess: () => notify("The file is read again") })}
        >
          Read it again
        </Button>
      )}
      {configuration.models.length > 0 && (
        <Table label="Models of the file">
          <thead>
            <tr>
              <th>Model</th>
              <th>State</th>
              <th>
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {configuration.models.map(({ alias, state, problem }) => (
              <tr key={alias}>
                <td className={tableStyles["strong"]}>{alias}</td>
                <td>
                  <Badge tone={STATES[state].tone}>{STATES[state].word}</Badge> {problem}
                </td>
                <td className={tableStyles["actions"]}>
                  {mayReset && (state === "overridden" || state === "deleted") && (
                    <Button
                      size="sm"
                      variant="ghost"
                      aria-label={`Take ${alias} from the file again`}
                      disabled={reset.isPending}
                      onClick={() => reset.mutate(alias)}
                    >
                      As in the file
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </>
  );
}
