import { describe, expect, it } from "vitest";

import { errorsIn, formOf, inputOf, nano, percentages, spentPercent } from "./budget-form";

describe("percentages", () => {
  it.each([
    ["", []],
    ["50, 95", [50, 95]],
    ["150;50", [150, 50]],
    ["0", undefined],
    ["1001", undefined],
    ["half", undefined],
    ["1 2 3 4 5 6 7 8 9", undefined],
  ])("reads %j", (text, expected) => {
    expect(percentages(text)).toEqual(expected);
  });
});

describe("spentPercent", () => {
  it.each([
    ["0", "10", 0],
    ["9.999999999", "10", 99],
    ["10", "10", 100],
    ["25", "10", 100],
    ["0", "0", 0],
    ["0.000000001", "0", 100],
  ])("%s of %s", (spent, amount, expected) => {
    expect(spentPercent(spent, amount)).toBe(expected);
  });
});

describe("the form", () => {
  it("says what is missing", () => {
    expect(Object.keys(errorsIn({ ...formOf(undefined), warnAt: "0", alertAt: "x" })).toSorted()).toEqual([
      "alertAt",
      "amount",
      "name",
      "warnAt",
    ]);
  });

  it("gives the API what was typed", () => {
    expect(inputOf({ ...formOf(undefined), name: " Pilot ", amount: "12.50", alertAt: "50" })).toEqual({
      name: "Pilot",
      amount_usd: "12.50",
      schedule: "calendar_month",
      hard: true,
      warn_at: 80,
      alert_at: [50],
    });
  });

  it("never rounds an amount", () => {
    expect(nano("12.000000001")).toBe(12_000_000_001n);
  });
});
