import { describe, expect, it } from "vitest";

import { exactUsd, isPrice, lineNanoUsd, pricePerMillion, roughUsd, shortUsd, usdTick } from "./money";

describe("exactUsd", () => {
  it.each([
    ["0", "$0.00"],
    ["375", "$0.000000375"],
    ["1", "$0.000000001"],
    ["12500000000", "$12.50"],
    ["1234567890123456789", "$1,234,567,890.123456789"],
    ["-2500000", "-$0.0025"],
  ])("shows every digit of %s nano-USD", (nano, text) => {
    expect(exactUsd(nano)).toBe(text);
  });

  it("is exact where a float is not", () => {
    // 2^53 + 1 is the first whole number that a float cannot hold.
    expect(exactUsd("9007199254740993")).toBe("$9,007,199.254740993");
  });

  it("refuses what is not a whole number instead of showing a wrong amount", () => {
    expect(() => exactUsd("1.5")).toThrow(SyntaxError);
  });
});

describe("shortUsd", () => {
  it.each([
    ["375", "$0.000000375"],
    ["999999999", "$0.999999999"],
    ["1000000000", "$1.00"],
    ["1004999999", "$1.00"],
    ["1005000000", "$1.01"],
    ["123456789000000000", "$123,456,789.00"],
    ["-1005000000", "-$1.01"],
  ])("rounds only from one dollar up: %s", (nano, text) => {
    expect(shortUsd(nano)).toBe(text);
  });
});

describe("roughUsd", () => {
  it.each([
    ["0", "$0.00"],
    ["3", "$0.000000003"],
    ["375", "$0.000000375"],
    ["123456", "$0.0001235"],
    ["169849949", "$0.1698"],
    ["999990000", "$1.00"],
    ["2345678901", "$2.35"],
  ])("keeps four digits and never rounds a cost to nothing: %s", (nano, text) => {
    expect(roughUsd(nano)).toBe(text);
  });
});

describe("prices", () => {
  it("pads to cents and groups thousands", () => {
    expect(pricePerMillion("0.075")).toBe("$0.075");
    expect(pricePerMillion("2")).toBe("$2.00");
    expect(pricePerMillion("1250.500")).toBe("$1,250.50");
    expect(pricePerMillion(null)).toBe("–");
  });

  it.each(["0", "0.075", "12", "12.000000001"])("accepts %s", (text) => expect(isPrice(text)).toBe(true));
  it.each(["", "-1", "1e3", "0,5", ".5", "1.", "1.0000000001", "$1"])("refuses %j", (text) =>
    expect(isPrice(text)).toBe(false),
  );

  it("prices a line as the gateway does", () => {
    expect(lineNanoUsd(5, "0.075")).toBe("375");
    expect(lineNanoUsd(1_000_000, "10")).toBe("10000000000");
    expect(lineNanoUsd(0, "1.25")).toBe("0");
    expect(lineNanoUsd(3, "0.0005")).toBe("2");
  });
});

it("writes ticks of a money axis without a tail of nines", () => {
  expect([0, 0.0002, 0.30000000000000004, 1.5, 12_000].map(usdTick)).toEqual(["$0", "$0.0002", "$0.3", "$1.5", "$12K"]);
});
