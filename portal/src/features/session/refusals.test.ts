import { describe, expect, it } from "vitest";

import { singleSignOnRefusal } from "./refusals";

describe("singleSignOnRefusal", () => {
  it("says what a known code means", () => {
    expect(singleSignOnRefusal("unverified_email")).toContain("not verified");
  });

  it("never repeats a code that it does not know", () => {
    expect(singleSignOnRefusal("<b>call 555</b>")).toBe(
      "Signing in with the identity provider did not work. Try again.",
    );
  });
});
