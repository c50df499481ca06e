import { describe, expect, it } from "vitest";

import { choicesIn, momentsOf, namesOf, problemOf } from "./comparison";

describe("the choices in an address", () => {
  it("are tenants and models, each once, ten at most", () => {
    expect(choicesIn(["tenant:a", "tenant:a", "model:org/b", "user:c", "tenant:", 5, null])).toEqual([
      "tenant:a",
      "model:org/b",
    ]);
    expect(choicesIn("tenant:a")).toEqual([]);
    expect(choicesIn(Array.from({ length: 12 }, (_, index) => `model:m${index}`))).toHaveLength(10);
  });

  it("are told apart by their kind", () => {
    expect(namesOf(["tenant:a", "model:x:y"], "model")).toEqual(["x:y"]);
  });
});

describe("a range of one's own", () => {
  it.each([
    [{ from: "", to: "2026-01-01" }, "Choose both dates."],
    [{ from: "2026-01-01", to: "" }, "Choose both dates."],
    [{ from: "2026-01-02", to: "2026-01-01" }, "The last day lies before the first."],
    [{ from: "2026-01-01", to: "2026-06-30" }, "At most 180 days."],
    [{ from: "2026-01-01", to: "2026-06-29" }, null],
    [{ from: "2026-01-01", to: "2026-01-01" }, null],
  ])("%o is %s", (range, problem) => {
    expect(problemOf(range)).toBe(problem);
  });

  it("holds both days whole", () => {
    const { start, end } = momentsOf({ from: "2026-03-01", to: "2026-03-02" });
    expect(Date.parse(end) - Date.parse(start)).toBe(2 * 86_400_000);
    expect(new Date(start).getHours()).toBe(0);
  });
});
