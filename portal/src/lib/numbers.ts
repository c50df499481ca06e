/** Counts, shares and durations on screen. */

const full = new Intl.NumberFormat("en-US");
const compactFormat = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** 1234567 → "1,234,567". */
export function count(value: number): string {
  return full.format(value);
}

/** 1234567 → "1.2M"; below ten thousand every digit stays. */
export function shortCount(value: number): string {
  return value < 10_000 ? full.format(value) : compactFormat.format(value);
}

/** A part of a whole as a percentage. A failure among many never reads as "0%", nor does 99.99 % read as "100%". */
export function share(part: number, whole: number): string {
  if (whole === 0 || part === 0) return "0%";
  const percent = (part / whole) * 100;
  if (percent < 0.1) return "<0.1%";
  if (percent > 99.9 && part < whole) return ">99.9%";
  return `${percent.toFixed(percent < 10 ? 1 : 0).replace(/\.0$/, "")}%`;
}

/** 87 → "87 ms", 1520 → "1.52 s", 75000 → "1 min 15 s". */
export function duration(milliseconds: number | null | undefined): string {
  if (milliseconds === null || milliseconds === undefined) return "–";
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** One thing or several: plural(1, "call") → "1 call", plural(3, "call") → "3 calls". */
export function plural(value: number, noun: string): string {
  return `${full.format(value)} ${noun}${value === 1 ? "" : "s"}`;
}
