import { describe, expect, it } from "vitest";

import { roundTicks } from "./axis";

describe("roundTicks", () => {
  it.each([
    [0, false, [0, 1]],
    [0.0255, false, [0, 0.01, 0.02, 0.03]],
    [0.3, false, [0, 0.1, 0.2, 0.3]],
    [1, false, [0, 0.25, 0.5, 0.75, 1]],
    [2, true, [0, 1, 2]],
    [3, true, [0, 1, 2, 3]],
    [380_000, true, [0, 100_000, 200_000, 300_000, 400_000]],
  ])("up to %d (whole: %s)", (largest, whole, ticks) => expect(roundTicks(largest, whole)).toEqual(ticks));

  it("always reaches the largest value, with few ticks", () => {
    for (let exponent = -9; exponent < 12; exponent += 0.37) {
      const largest = 10 ** exponent;
      const ticks = roundTicks(largest, false);
      expect(ticks.at(-1)).toBeGreaterThanOrEqual(largest * 0.99999);
      expect(ticks.length).toBeLessThanOrEqual(5);
    }
  });
});
