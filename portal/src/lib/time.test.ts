import { describe, expect, it } from "vitest";

import { listTime, relativeTime } from "./time";

const NOW = Date.parse("2026-11-23T12:00:00Z");
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

describe("relativeTime", () => {
  it.each([
    [0, "just now"],
    [4, "just now"],
    [59, "59 seconds ago"],
    [119, "1 minute ago"],
    [3_599, "59 minutes ago"],
    [86_399, "23 hours ago"],
    [86_400, "yesterday"],
    [45 * 86_400, "45 days ago"],
    [88 * 86_400, "2 months ago"],
    [800 * 86_400, "2 years ago"],
    [-3 * 86_400, "in 3 days"],
  ])("%d seconds ago → %s", (seconds, text) => expect(relativeTime(ago(seconds), NOW)).toBe(text));
});

describe("listTime", () => {
  it("shows seconds for today and the day for earlier ones", () => {
    expect(listTime(ago(3), NOW)).toMatch(/^\d\d:\d\d:57$/);
    expect(listTime(ago(3 * 86_400), NOW)).toMatch(/^20 Nov, \d\d:\d\d$/);
  });
});
