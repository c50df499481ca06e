import { describe, expect, it } from "vitest";

import { bodyOf, errorsIn, formOf } from "./price-form";

describe("the form of prices", () => {
  it("sends what it shows, also kinds of images it has no name for", () => {
    const form = formOf({ input: "0.15", "image:1024x1024:high": "0.167" });
    expect(errorsIn(form)).toEqual({});
    expect(bodyOf(form)).toEqual({ prices: { input: "0.15", "image:1024x1024:high": "0.167" } });
  });

  it("leaves out what is empty, and says from when in UTC", () => {
    const form = { prices: { input: " 1 ", output: " " }, from: "2027-01-01T00:00" };
    expect(bodyOf(form)).toEqual({
      prices: { input: "1" },
      effective_from: new Date(2027, 0, 1).toISOString(),
    });
  });

  it("names what keeps it from being sent", () => {
    const errors = errorsIn({ prices: { input: "cheap", output: "1" }, from: "tomorrow" });
    expect(Object.keys(errors)).toEqual(["input", "from"]);
  });
});
