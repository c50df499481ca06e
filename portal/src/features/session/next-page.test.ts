import { expect, it } from "vitest";

import { safeNextPage } from "./next-page";

it.each([
  [undefined, "/"],
  ["/calls?model=demo", "/calls?model=demo"],
  ["https://other.example/", "/"],
  ["//other.example", "/"],
  ["/\\other.example", "/"],
  ["javascript:alert(1)", "/"],
  ["/login?next=%2Fcalls", "/"],
])("after signing in, %j leads to %s", (next, target) => expect(safeNextPage(next)).toBe(target));
