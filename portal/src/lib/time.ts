/** Moments on screen, in the time zone of the person who looks. */

const dateTime = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const shortDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockWithSeconds = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** The person's IANA time zone, for the admin API's day boundaries. */
export function timeZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

export function fullDateTime(iso: string): string {
  return dateTime.format(new Date(iso));
}

export function calendarDate(iso: string): string {
  return date.format(new Date(iso));
}

/** "14:03:27" for today, "3 Nov, 14:03" for other days: what a live list needs to line up. */
export function listTime(iso: string, now: number = Date.now()): string {
  const moment = new Date(iso);
  const sameDay = moment.toDateString() === new Date(now).toDateString();
  return sameDay ? clockWithSeconds.format(moment) : `${shortDay.format(moment)}, ${clock.format(moment)}`;
}

/** The label under a bar of a chart. */
export function bucketLabel(iso: string, bucket: "hour" | "day"): string {
  return bucket === "hour" ? clock.format(new Date(iso)) : shortDay.format(new Date(iso));
}

/** The title of a bar of a chart: the whole hour or day that it stands for. */
export function bucketTitle(iso: string, bucket: "hour" | "day"): string {
  const start = new Date(iso);
  if (bucket === "day") return date.format(start);
  const end = new Date(start.getTime() + 3_600_000);
  return `${shortDay.format(start)}, ${clock.format(start)}–${clock.format(end)}`;
}

const STEPS: readonly [limit: number, seconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60, 1, "second"],
  [3600, 60, "minute"],
  [86_400, 3600, "hour"],
  [60 * 86_400, 86_400, "day"],
  [365 * 86_400, 30 * 86_400, "month"],
  [Number.POSITIVE_INFINITY, 365 * 86_400, "year"],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** "just now", "2 minutes ago", "in 3 days". Truncates, so that 119 seconds are not yet two minutes. */
export function relativeTime(iso: string, now: number = Date.now()): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  for (const [limit, step, unit] of STEPS) {
    if (size < limit) return relative.format(Math.trunc(seconds / step), unit);
  }
  return calendarDate(iso);
}
