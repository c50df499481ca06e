/** What a person types into the form of a budget, and what of it the API can take. */
import type { Budget } from "@/api/types";

import type { BudgetInput } from "./queries";

export const SCHEDULES: Readonly<Record<string, string>> = {
  calendar_month: "Every month",
  weekly: "Every week",
  daily: "Every day",
  rolling_30d: "The last 30 days",
  fixed: "Once, never renewed",
};

export interface BudgetForm {
  name: string;
  amount: string;
  schedule: string;
  hard: boolean;
  warnAt: string;
  alertAt: string;
}

export type BudgetErrors = Partial<Record<keyof BudgetForm, string>>;

export function formOf(budget: Budget | undefined): BudgetForm {
  return {
    name: budget?.name ?? "",
    amount: budget?.amount_usd ?? "",
    schedule: budget?.schedule ?? "calendar_month",
    hard: budget?.hard ?? true,
    warnAt: String(budget?.warn_at ?? 80),
    alertAt: (budget?.alert_at ?? []).join(", "),
  };
}

/** "50, 95" → [50, 95]; undefined for what is no list of percentages. */
export function percentages(text: string): number[] | undefined {
  const parts = text.split(/[\s,;]+/).filter((part) => part !== "");
  if (parts.length > 8 || parts.some((part) => !/^\d{1,4}$/.test(part))) return undefined;
  const levels = parts.map(Number);
  return levels.some((level) => level < 1 || level > 1000) ? undefined : levels;
}

export function errorsIn(form: BudgetForm): BudgetErrors {
  const errors: BudgetErrors = {};
  if (form.name.trim() === "") errors.name = "Give the budget a name.";
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(form.amount.trim()))
    errors.amount = "An amount in US dollars, such as 250 or 12.50.";
  if (!/^\d{1,3}$/.test(form.warnAt) || Number(form.warnAt) < 1 || Number(form.warnAt) > 100)
    errors.warnAt = "A percentage from 1 to 100.";
  if (percentages(form.alertAt) === undefined) errors.alertAt = "Up to 8 percentages from 1 to 1000, such as 50, 95.";
  return errors;
}

export function inputOf(form: BudgetForm): BudgetInput {
  return {
    name: form.name.trim(),
    amount_usd: form.amount.trim(),
    schedule: form.schedule,
    hard: form.hard,
    warn_at: Number(form.warnAt),
    alert_at: percentages(form.alertAt) ?? [],
  };
}

/** How much of it is spent, in percent, for a meter: 100 at most, and never by a float of money. */
export function spentPercent(spentUsd: string, amountUsd: string): number {
  const spent = nano(spentUsd);
  const amount = nano(amountUsd);
  if (amount === 0n) return spent > 0n ? 100 : 0;
  const percent = (spent * 100n) / amount;
  return percent > 100n ? 100 : Number(percent);
}

/** A decimal text in US dollars as nano-USD. */
export function nano(usd: string): bigint {
  const [whole = "0", fraction = ""] = usd.split(".");
  return BigInt(whole + fraction.padEnd(9, "0").slice(0, 9));
}
