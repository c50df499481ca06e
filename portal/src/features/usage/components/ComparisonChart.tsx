/** Several things over the same days as lines. Loaded when the page is: the chart library is large. */
import { CartesianGrid, Line, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";

import type { UsageSeries } from "@/api/types";
import { bucketLabel, bucketTitle } from "@/lib/time";

import { colorOf } from "../comparison";
import { METRICS, type Metric } from "../metrics";
import styles from "./UsageChart.module.css";

interface Datum {
  start: string;
  index: number;
  values: number[];
}

export default function ComparisonChart({ series, metric }: { series: readonly UsageSeries[]; metric: Metric }) {
  const spec = METRICS[metric];
  const total = (point: UsageSeries["points"][number]) => spec.series.reduce((sum, part) => sum + part.value(point), 0);
  const data: Datum[] = (series[0]?.points ?? []).map((point, index) => ({
    start: point.start,
    index,
    values: series.map((each) => {
      const same = each.points[index];
      return same === undefined ? 0 : total(same);
    }),
  }));
  return (
    <div className={styles["chart"]} role="img" aria-label={`${spec.label} per day, compared`}>
      <ResponsiveContainer width="100%" height="100%" initialDimension={{ width: 800, height: 240 }}>
        <LineChart data={data} margin={{ top: 8, right: 8, bottom: 0, left: 0 }}>
          <CartesianGrid vertical={false} stroke="var(--border)" strokeDasharray="3 4" />
          <XAxis
            dataKey="start"
            tickFormatter={(start: string) => bucketLabel(start, "day")}
            tickLine={false}
            axisLine={{ stroke: "var(--border-strong)" }}
            tick={{ fill: "var(--text-faint)", fontSize: 12 }}
            minTickGap={28}
            tickMargin={8}
          />
          <YAxis
            width={64}
            tickFormatter={spec.tick}
            tickLine={false}
            axisLine={false}
            tick={{ fill: "var(--text-faint)", fontSize: 12 }}
          />
          <Tooltip
            isAnimationActive={false}
            cursor={{ stroke: "var(--border-strong)" }}
            content={<DayCard series={series} metric={metric} />}
          />
          {series.map((each, index) => (
            <Line
              key={`${each.kind}:${each.id}`}
              name={each.label}
              dataKey={(datum: Datum) => datum.values[index] ?? 0}
              stroke={colorOf(index)}
              strokeWidth={2}
              dot={data.length === 1}
              isAnimationActive={false}
            />
          ))}
        </LineChart>
      </ResponsiveContainer>
    </div>
  );
}

interface DayCardProps {
  series: readonly UsageSeries[];
  metric: Metric;
  /** Filled in by the chart. */
  active?: boolean;
  payload?: readonly { payload?: Datum }[];
}

function DayCard({ series, metric, active, payload }: DayCardProps) {
  const datum = payload?.[0]?.payload;
  if (!active || datum === undefined) return null;
  return (
    <div className={styles["card"]}>
      <p>{bucketTitle(datum.start, "day")}</p>
      <dl>
        {series.map((each, index) => {
          const point = each.points[datum.index];
          return (
            <div key={`${each.kind}:${each.id}`}>
              <dt>
                <span style={{ background: colorOf(index) }} aria-hidden />
                {each.label}
              </dt>
              <dd>{point && METRICS[metric].series.map((part) => part.text(point)).join(" + ")}</dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}
