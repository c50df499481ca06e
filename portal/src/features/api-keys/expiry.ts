/** The lifetimes a new key can be given. */
export const LIFETIMES = [
  { value: "never", label: "Never", days: null },
  { value: "7", label: "In 7 days", days: 7 },
  { value: "30", label: "In 30 days", days: 30 },
  { value: "90", label: "In 90 days", days: 90 },
  { value: "365", label: "In a year", days: 365 },
] as const;

export function expiryOf(value: string, now: Date): string | null {
  const days = LIFETIMES.find((lifetime) => lifetime.value === value)?.days ?? null;
  return days === null ? null : new Date(now.getTime() + days * 86_400_000).toISOString();
}
