import { describe, expect, it } from "vitest";

import { duration, plural, share, shortCount } from "./numbers";

describe("shortCount", () => {
  it.each([
    [0, "0"],
    [9_999, "9,999"],
    [10_000, "10K"],
    [1_234_567, "1.2M"],
  ])("%d → %s", (value, text) => expect(shortCount(value)).toBe(text));
});

describe("share", () => {
  it.each([
    [0, 0, "0%"],
    [0, 50, "0%"],
    [1, 100_000, "<0.1%"],
    [99_999, 100_000, ">99.9%"],
    [3, 59, "5.1%"],
    [2, 50, "4%"],
    [50, 50, "100%"],
  ])("%d of %d → %s", (part, whole, text) => expect(share(part, whole)).toBe(text));
});

describe("duration", () => {
  it.each([
    [null, "–"],
    [0, "0 ms"],
    [999, "999 ms"],
    [1_520, "1.52 s"],
    [15_230, "15.2 s"],
    [75_000, "1 min 15 s"],
  ])("%s → %s", (milliseconds, text) => expect(duration(milliseconds)).toBe(text));
});

it("agrees nouns with numbers", () => {
  expect([plural(0, "call"), plural(1, "call"), plural(1_500, "call")]).toEqual(["0 calls", "1 call", "1,500 calls"]);
});
