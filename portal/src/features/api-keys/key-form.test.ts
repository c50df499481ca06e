import { describe, expect, it } from "vitest";

import { type KeyForm, bodyOf, errorsIn, tagsIn } from "./key-form";

const FORM: KeyForm = { name: "search", scopes: null, models: null, addresses: "", tags: "" };

describe("tags", () => {
  it("are pairs, and a value may have an equals sign", () => {
    expect(tagsIn(" team = search, query=a=b ,")).toEqual({ team: "search", query: "a=b" });
    expect(tagsIn("")).toEqual({});
  });

  it("have a name each, and are sixteen at most", () => {
    expect(tagsIn("team")).toBeUndefined();
    expect(tagsIn("=search")).toBeUndefined();
    expect(tagsIn(Array.from({ length: 17 }, (_, number) => `t${number}=1`).join(","))).toBeUndefined();
  });
});

describe("what a key may do", () => {
  it("is sent as lists", () => {
    const form: KeyForm = { ...FORM, scopes: ["chat"], models: [], addresses: "10.0.0.0/8 2001:db8::1", tags: "a=1" };
    expect(bodyOf(form)).toEqual({
      name: "search",
      scopes: ["chat"],
      models: [],
      allowed_addresses: ["10.0.0.0/8", "2001:db8::1"],
      tags: { a: "1" },
    });
  });

  it("is refused field by field", () => {
    const errors = errorsIn({ ...FORM, name: " ", addresses: "office", tags: "nothing" });
    expect(Object.keys(errors).toSorted()).toEqual(["addresses", "name", "tags"]);
    expect(errorsIn(FORM)).toEqual({});
  });
});
