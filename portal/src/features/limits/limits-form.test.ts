import { describe, expect, it } from "vitest";

import { NO_LIMITS, bodyOf, formOf, isEmpty, problemIn } from "./limits-form";

const OWN = {
  requests_per_minute: 60,
  tokens_per_minute: null,
  parallel_requests: 0,
  models: { demo: { requests_per_minute: null, tokens_per_minute: 1000, parallel_requests: null } },
};

describe("limits", () => {
  it("come back as they were", () => {
    expect(bodyOf(formOf(OWN))).toEqual(OWN);
    expect(problemIn(formOf(OWN))).toBeNull();
  });

  it("are whole numbers", () => {
    for (const text of ["1.5", "-1", "many", "1e3"]) {
      const form = formOf(OWN);
      form.every.tokens_per_minute = text;
      expect(problemIn(form)).toContain("whole number");
    }
  });

  it("name each model once", () => {
    const form = formOf(OWN);
    form.models.push({ alias: " demo", fields: NO_LIMITS });
    expect(problemIn(form)).toContain("once");
    form.models[1] = { alias: "", fields: NO_LIMITS };
    expect(problemIn(form)).toContain("Name the model");
  });

  it("are empty when nothing is typed", () => {
    expect(isEmpty({ every: { ...NO_LIMITS, tokens_per_minute: "  " }, models: [] })).toBe(true);
    expect(isEmpty(formOf(OWN))).toBe(false);
  });
});
