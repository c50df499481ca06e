/** What is compared, kept in the address so that a comparison can be sent to somebody: `tenant:ID` and `model:ALIAS`. */
export const MOST_COMPARED = 10;
export const LONGEST_DAYS = 180;

/** Apart enough for ten lines on light and on dark ground. The legend and the table name each; colour only helps. */
const COLORS = [
  "#2f6fed",
  "#d9480f",
  "#2b8a3e",
  "#9c36b5",
  "#c2255c",
  "#0b7285",
  "#e67700",
  "#5f3dc4",
  "#66a80f",
  "#868e96",
] as const;

export function colorOf(index: number): string {
  return COLORS[index % COLORS.length] ?? COLORS[0];
}

export type Choice = `tenant:${string}` | `model:${string}`;

export interface CustomRange {
  /** Days as the date fields have them, both included. */
  from: string;
  to: string;
}

/** The choices in an address: nothing else, nothing twice, and not more than can be compared. */
export function choicesIn(value: unknown): Choice[] {
  if (!Array.isArray(value)) return [];
  const choices = value.filter((each): each is Choice => typeof each === "string" && /^(tenant|model):./.test(each));
  return [...new Set(choices)].slice(0, MOST_COMPARED);
}

export function namesOf(choices: readonly Choice[], kind: "tenant" | "model"): string[] {
  return choices.filter((choice) => choice.startsWith(`${kind}:`)).map((choice) => choice.slice(kind.length + 1));
}

/** Why a range cannot be asked for, in words; null when it can. */
export function problemOf({ from, to }: CustomRange): string | null {
  if (from === "" || to === "") return "Choose both dates.";
  const days = (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;
  if (Number.isNaN(days) || days < 1) return "The last day lies before the first.";
  return days > LONGEST_DAYS ? `At most ${LONGEST_DAYS} days.` : null;
}

/** From the start of the first day to the end of the last one, by the person's clock. */
export function momentsOf({ from, to }: CustomRange): { start: string; end: string } {
  const end = new Date(`${to}T00:00:00`);
  end.setDate(end.getDate() + 1);
  return { start: new Date(`${from}T00:00:00`).toISOString(), end: end.toISOString() };
}
