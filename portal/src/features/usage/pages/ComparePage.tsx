import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ChartSpline } from "lucide-react";
import { Suspense, lazy, useState } from "react";

import { api, dataOf } from "@/api/client";
import { allModelsQuery } from "@/features/models/queries";
import { Allowed } from "@/features/session/components/Allowed";
import { usePermission } from "@/features/session/queries";
import { allTenantsQuery } from "@/features/tenants/queries";
import { count, shortCount } from "@/lib/numbers";
import { timeZone } from "@/lib/time";
import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Field, Select, TextInput } from "@/ui/Field";
import { Money } from "@/ui/Figures";
import { Page } from "@/ui/Page";
import { Segmented } from "@/ui/Segmented";
import { EmptyState, ErrorState, Skeleton } from "@/ui/States";
import { Table, tableStyles } from "@/ui/Table";

import { type Choice, type CustomRange, MOST_COMPARED, colorOf, momentsOf, namesOf, problemOf } from "../comparison";
import { METRICS, type Metric, allTokens } from "../metrics";
import styles from "./ComparePage.module.css";

const ComparisonChart = lazy(() => import("../components/ComparisonChart"));

const RANGES = [
  { value: "7d", label: "7d" },
  { value: "30d", label: "30d" },
  { value: "month", label: "Month" },
  { value: "custom", label: "Custom" },
] as const;

type Range = (typeof RANGES)[number]["value"];
type Asked = { period: "7d" | "30d" | "month" } | { start: string; end: string };

function comparisonQuery(choices: readonly Choice[], asked: Asked) {
  return queryOptions({
    queryKey: ["usage", "compare", choices, asked],
    queryFn: ({ signal }) => {
      const query = {
        ...asked,
        timezone: timeZone(),
        tenant_ids: namesOf(choices, "tenant").join(","),
        model_aliases: namesOf(choices, "model").join(","),
      };
      return dataOf(api.GET("/admin/usage/compare", { params: { query }, signal }));
    },
    enabled: choices.length > 0,
    placeholderData: keepPreviousData,
  });
}

/** Tenants and models over the same days. */
export function ComparePage() {
  return (
    <Allowed permission="usage:read">
      <Compare />
    </Allowed>
  );
}

function Compare() {
  const { of: choices = [] } = useSearch({ from: "/signed-in/compare" });
  const navigate = useNavigate({ from: "/compare" });
  const [range, setRange] = useState<Range>("30d");
  const [applied, setApplied] = useState<CustomRange>();
  const [metric, setMetric] = useState<Metric>("spend");
  // A range of one's own counts from when it is applied; until then nothing pretends to be it.
  const waiting = range === "custom" && applied === undefined;
  const asked: Asked =
    range !== "custom" ? { period: range } : applied === undefined ? { period: "30d" } : momentsOf(applied);
  const comparison = useQuery({
    ...comparisonQuery(choices, asked),
    enabled: choices.length > 0 && !waiting,
  });
  const choose = (next: readonly Choice[]) => void navigate({ search: { of: [...next] }, replace: true });
  const series = comparison.data?.series;

  return (
    <Page
      title="Compare"
      description={`Up to ${MOST_COMPARED} tenants and models over the same days.`}
      actions={
        <>
          <Segmented
            label="Figure"
            value={metric}
            options={(Object.keys(METRICS) as Metric[]).map((value) => ({ value, label: METRICS[value].label }))}
            onChange={setMetric}
          />
          <Segmented label="Range" value={range} options={RANGES} onChange={setRange} />
        </>
      }
    >
      <Card>
        {range === "custom" && <RangeForm applied={applied} onApply={setApplied} />}
        <Choices choices={choices} disabled={waiting} onChange={choose} />
      </Card>
      <Card flush>
        {choices.length === 0 ? (
          <EmptyState icon={<ChartSpline />} title="Nothing chosen yet">
            Choose tenants and models above: each gets a line.
          </EmptyState>
        ) : waiting ? (
          <EmptyState icon={<ChartSpline />} title="Apply both dates first">
            The chart shows the range once it is applied.
          </EmptyState>
        ) : comparison.isError ? (
          <ErrorState error={comparison.error} onRetry={() => void comparison.refetch()} />
        ) : series === undefined ? (
          <Skeleton height="15rem" />
        ) : (
          <>
            <div className={styles["chart"]}>
              <Suspense fallback={<Skeleton height="15rem" />}>
                <ComparisonChart series={series} metric={metric} />
              </Suspense>
            </div>
            <Table label="Totals">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>Kind</th>
                  <th>Calls</th>
                  <th>Tokens</th>
                  <th>Spend</th>
                </tr>
              </thead>
              <tbody>
                {series.map((each, index) => (
                  <tr key={`${each.kind}:${each.id}`}>
                    <td className={tableStyles["strong"]}>
                      <span className={styles["swatch"]} style={{ background: colorOf(index) }} aria-hidden />
                      {each.label}
                    </td>
                    <td className={tableStyles["muted"]}>{each.kind}</td>
                    <td>{count(each.totals.requests)}</td>
                    <td title={count(allTokens(each.totals))}>{shortCount(allTokens(each.totals))}</td>
                    <td>
                      <Money nano={each.totals.cost_nano_usd} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </Table>
          </>
        )}
      </Card>
    </Page>
  );
}

function RangeForm({ applied, onApply }: { applied: CustomRange | undefined; onApply: (range: CustomRange) => void }) {
  const [range, setDates] = useState<CustomRange>(applied ?? { from: "", to: "" });
  const problem = problemOf(range);
  const complete = range.from !== "" && range.to !== "";
  return (
    <form
      className={styles["range"]}
      onSubmit={(event) => {
        event.preventDefault();
        if (problem === null) onApply(range);
      }}
    >
      <Field label="First day">
        <TextInput
          type="date"
          value={range.from}
          onChange={(event) => setDates({ ...range, from: event.target.value })}
        />
      </Field>
      <Field label="Last day" error={complete ? problem : undefined}>
        <TextInput type="date" value={range.to} onChange={(event) => setDates({ ...range, to: event.target.value })} />
      </Field>
      <Button type="submit" disabled={problem !== null}>
        Apply
      </Button>
    </form>
  );
}

interface ChoicesProps {
  choices: readonly Choice[];
  disabled: boolean;
  onChange: (choices: readonly Choice[]) => void;
}

function Choices({ choices, disabled, onChange }: ChoicesProps) {
  const tenants = useQuery({ ...allTenantsQuery, enabled: usePermission("tenants:read") });
  const models = useQuery({ ...allModelsQuery, enabled: usePermission("catalog:read") });
  const names = new Map<Choice, string>([
    ...(tenants.data ?? []).map((tenant): [Choice, string] => [`tenant:${tenant.id}`, tenant.name]),
    ...(models.data ?? []).map((model): [Choice, string] => [`model:${model.alias}`, model.alias]),
  ]);
  const left = [...names].filter(([choice]) => !choices.includes(choice));
  const full = choices.length >= MOST_COMPARED;
  return (
    <div className={styles["choices"]}>
      {(["tenant", "model"] as const).map((kind) => (
        <Select
          key={kind}
          compact
          aria-label={`Add a ${kind}`}
          value=""
          disabled={disabled || full}
          onChange={(event) => onChange([...choices, event.target.value as Choice])}
        >
          <option value="">Add a {kind} …</option>
          {left
            .filter(([choice]) => choice.startsWith(`${kind}:`))
            .map(([choice, name]) => (
              <option key={choice} value={choice}>
                {name}
              </option>
            ))}
        </Select>
      ))}
      {choices.map((choice) => (
        <Button
          key={choice}
          size="sm"
          disabled={disabled}
          aria-label={`Leave out ${names.get(choice) ?? choice}`}
          onClick={() => onChange(choices.filter((each) => each !== choice))}
        >
          {names.get(choice) ?? choice.slice(choice.indexOf(":") + 1)} ×
        </Button>
      ))}
      {full && <span className={tableStyles["muted"]}>That is as many as can be compared.</span>}
    </div>
  );
}
