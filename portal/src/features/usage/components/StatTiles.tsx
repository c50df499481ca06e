import type { Totals } from "@/api/types";
import { count, plural, share, shortCount } from "@/lib/numbers";
import { Money } from "@/ui/Figures";
import { Skeleton } from "@/ui/States";
import type { ReactNode } from "react";

import { METRICS, type Metric, allTokens } from "../metrics";
import styles from "./StatTiles.module.css";

interface StatTilesProps {
  failed: boolean;
  totals: Totals | undefined;
  selected: Metric;
  onSelect: (metric: Metric) => void;
}

/** The four figures. Each one is also the switch that puts its course over time on the chart below. */
export function StatTiles({ totals, failed, selected, onSelect }: StatTilesProps) {
  return (
    <fieldset className={styles["tiles"]}>
      <legend className="visually-hidden">Figure shown on the chart</legend>
      {(Object.keys(METRICS) as Metric[]).map((metric) => (
        <label key={metric} className={styles["tile"]}>
          <input
            type="radio"
            name="metric"
            className="visually-hidden"
            checked={metric === selected}
            onChange={() => onSelect(metric)}
          />
          <span className={styles["label"]}>{METRICS[metric].label}</span>
          {totals ? (
            <>
              <span className={styles["value"]}>{tileValue(metric, totals)}</span>
              <span className={styles["note"]}>{tileNote(metric, totals)}</span>
            </>
          ) : failed ? (
            <span className={styles["value"]}>–</span>
          ) : (
            <>
              <Skeleton width="55%" height="2.1875rem" />
              <Skeleton width="75%" height="1.125rem" />
            </>
          )}
        </label>
      ))}
    </fieldset>
  );
}

function tileValue(metric: Metric, totals: Totals): ReactNode {
  switch (metric) {
    case "spend":
      return <Money nano={totals.cost_nano_usd} rough />;
    case "requests":
      return <span title={count(totals.requests)}>{shortCount(totals.requests)}</span>;
    case "tokens":
      return <span title={count(allTokens(totals))}>{shortCount(allTokens(totals))}</span>;
    case "failures":
      return share(totals.failed_requests, totals.requests);
  }
}

function tileNote(metric: Metric, totals: Totals): string {
  switch (metric) {
    case "spend":
      return totals.requests === 0 ? "No calls yet" : `over ${plural(totals.requests, "call")}`;
    case "requests":
      return `${count(totals.requests - totals.failed_requests)} without failure`;
    case "tokens": {
      const cached = totals.cached_input_tokens > 0 ? ` (${shortCount(totals.cached_input_tokens)} cached)` : "";
      return `${shortCount(totals.input_tokens)} in${cached}, ${shortCount(totals.output_tokens)} out`;
    }
    case "failures":
      return totals.failed_requests === 0 ? "No failed calls" : `${plural(totals.failed_requests, "failed call")}`;
  }
}
