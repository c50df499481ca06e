import { describe, expect, it } from "vitest";

import type { Call, CallPage } from "@/api/types";

import { type LiveList, appendOlder, joinNewest, release, startList } from "./live-list";

/** A call whose number is both its moment and its id. */
function call(number: number, id: string = `req_${String(number).padStart(4, "0")}`): Call {
  return { id, occurred_at: new Date(number * 1000).toISOString() } as Call;
}

function page(numbers: number[], cursor: string | null = null): CallPage {
  return { data: numbers.map((number) => call(number)), has_more: cursor !== null, next_cursor: cursor };
}

const shown = (list: LiveList) => list.shown.map(({ occurred_at }) => Date.parse(occurred_at) / 1000);
const waiting = (list: LiveList) => list.waiting.map(({ occurred_at }) => Date.parse(occurred_at) / 1000);

describe("the live list", () => {
  it("puts new calls on top, once, and marks them", () => {
    const list = joinNewest(startList(page([3, 2, 1], "c1")), page([5, 4, 3], "c3"), false);
    expect(shown(list)).toEqual([5, 4, 3, 2, 1]);
    expect([...list.fresh]).toEqual(["req_0005", "req_0004"]);
    expect(list.olderCursor).toBe("c1");
    expect(joinNewest(list, page([5, 4, 3], "c3"), false)).toBe(list);
  });

  it("holds new calls back and shows them on release", () => {
    const held = joinNewest(startList(page([2, 1])), page([4, 3, 2, 1]), true);
    expect(shown(held)).toEqual([2, 1]);
    expect(waiting(held)).toEqual([4, 3]);
    const more = joinNewest(held, page([5, 4, 3, 2, 1]), true);
    expect(waiting(more)).toEqual([5, 4, 3]);
    expect(shown(release(more))).toEqual([5, 4, 3, 2, 1]);
  });

  it("shows what waited with the next poll once nothing holds it back", () => {
    const held = joinNewest(startList(page([1])), page([2, 1]), true);
    expect(shown(joinNewest(held, page([2, 1]), false))).toEqual([2, 1]);
  });

  it("puts a call that was recorded late where its time belongs", () => {
    const list = joinNewest(startList(page([5, 3, 2])), page([5, 4, 3, 2]), false);
    expect(shown(list)).toEqual([5, 4, 3, 2]);
  });

  it("orders calls of the same moment by id, as the API does", () => {
    const first: CallPage = { data: [call(1, "req_b")], has_more: false, next_cursor: null };
    const next: CallPage = {
      data: [call(1, "req_c"), call(1, "req_b"), call(1, "req_a")],
      has_more: false,
      next_cursor: null,
    };
    expect(joinNewest(startList(first), next, false).shown.map(({ id }) => id)).toEqual(["req_c", "req_b", "req_a"]);
  });

  it("starts over rather than leave a hole when calls were missed", () => {
    const list = joinNewest(startList(page([3, 2, 1], "c1")), page([30, 29, 28], "c28"), false);
    expect(shown(list)).toEqual([30, 29, 28]);
    expect(list.olderCursor).toBe("c28");
  });

  it("leaves no hole either when calls were missed while holding", () => {
    const held = joinNewest(startList(page([3, 2, 1], "c1")), page([30, 29, 28], "c28"), true);
    expect(shown(held)).toEqual([3, 2, 1]);
    const more = joinNewest(held, page([31, 30, 29], "c29"), true);
    const released = release(more);
    expect(shown(released)).toEqual([31, 30, 29, 28]);
    expect(released.olderCursor).toBe("c28");
  });

  it("appends older pages without doubles and knows the end", () => {
    const list = appendOlder(startList(page([5, 4], "c4")), page([4, 3, 2]));
    expect(shown(list)).toEqual([5, 4, 3, 2]);
    expect(list.olderCursor).toBeNull();
  });

  it("fills an empty list", () => {
    expect(shown(joinNewest(startList(page([])), page([1]), false))).toEqual([1]);
  });
});
