/** The course of one figure over time as bars. The only file that imports the chart library. */
import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";

import type { UsagePoint, UsageSummary } from "@/api/types";
import { bucketLabel, bucketTitle } from "@/lib/time";

import { roundTicks } from "../axis";
import { METRICS, type Metric, type MetricSpec } from "../metrics";
import styles from "./UsageChart.module.css";

interface Datum {
  start: string;
  point: UsagePoint;
  values: number[];
}

export default function UsageChart({ summary, metric }: { summary: UsageSummary; metric: Metric }) {
  const spec = METRICS[metric];
  const data: Datum[] = summary.points.map((point) => ({
    start: point.start,
    point,
    values: spec.series.map((series) => series.value(point)),
  }));
  const largest = Math.max(0, ...data.map((datum) => datum.values.reduce((sum, value) => sum + value, 0)));
  const ticks = roundTicks(largest, !spec.allowDecimals);
  const empty = largest === 0;

  return (
    <div className={styles["chart"]} role="img" aria-label={`${spec.label} per ${summary.bucket}`}>
      <ResponsiveContainer width="100%" height="100%" initialDimension={{ width: 800, height: 240 }}>
        <BarChart data={data} margin={{ top: 8, right: 4, bottom: 0, left: 0 }} barCategoryGap="22%">
          <CartesianGrid vertical={false} stroke="var(--border)" strokeDasharray="3 4" />
          <XAxis
            dataKey="start"
            tickFormatter={(start: string) => bucketLabel(start, summary.bucket)}
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
            ticks={ticks}
            domain={[0, ticks.at(-1) ?? 1]}
            interval={0}
            hide={empty}
          />
          <Tooltip
            isAnimationActive={false}
            cursor={{ fill: "var(--hover)" }}
            content={<BucketCard spec={spec} bucket={summary.bucket} />}
          />
          {spec.series.map((series, index) => (
            <Bar
              key={series.key}
              dataKey={(datum: Datum) => datum.values[index] ?? 0}
              name={series.label}
              stackId="all"
              fill={series.color}
              radius={index === spec.series.length - 1 ? [3, 3, 0, 0] : 0}
              maxBarSize={36}
              isAnimationActive={false}
            />
          ))}
        </BarChart>
      </ResponsiveContainer>
      {empty && <p className={styles["empty"]}>Nothing in this range</p>}
    </div>
  );
}

interface BucketCardProps {
  spec: MetricSpec;
  bucket: "hour" | "day";
  /** Filled in by the chart. */
  active?: boolean;
  payload?: readonly { payload?: Datum }[];
}

function BucketCard({ spec, bucket, active, payload }: BucketCardProps) {
  const datum = payload?.[0]?.payload;
  if (!active || datum === undefined) return null;
  return (
    <div className={styles["card"]}>
      <p>{bucketTitle(datum.start, bucket)}</p>
      <dl>
        {spec.series.map((series) => (
          <div key={series.key}>
            <dt>
              <span style={{ background: series.color }} aria-hidden />
              {series.label}
            </dt>
            <dd>{series.text(datum.point)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
