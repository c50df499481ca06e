/**
 * The live list of calls as pure state: what is shown, what waits, where older calls continue.
 * A poll brings the newest page; this decides how it joins what is already there.
 */
import type { Call, CallPage } from "@/api/types";

export interface LiveList {
  /** Newest first, no call twice, no hole. */
  shown: readonly Call[];
  /** New calls held back while the person reads further down or has paused the list. Newest first. */
  waiting: readonly Call[];
  /** Set when calls between `waiting` and `shown` were missed: then `waiting` replaces the list and continues here. */
  restart: { olderCursor: string | null } | null;
  /** Calls that arrived by polling and may be marked as new. */
  fresh: ReadonlySet<string>;
  /** Where older calls continue; null when the oldest call is shown. */
  olderCursor: string | null;
}

const NONE: ReadonlySet<string> = new Set();

export function startList(page: CallPage): LiveList {
  return { shown: page.data, waiting: [], restart: null, fresh: NONE, olderCursor: cursorAfter(page) };
}

/**
 * Joins the newest page. When it overlaps nothing known, calls in between were missed, and only a fresh start keeps the
 * list without a hole. A call that was recorded late is put where its time belongs.
 */
export function joinNewest(list: LiveList, page: CallPage, hold: boolean): LiveList {
  const known = new Set([...list.shown, ...list.waiting].map((call) => call.id));
  const added = page.data.filter((call) => !known.has(call.id));
  let joined = list;
  if (added.length === page.data.length && page.has_more) {
    joined = { ...list, waiting: page.data, restart: { olderCursor: cursorAfter(page) } };
  } else if (added.length > 0) {
    joined = { ...list, waiting: newestFirst([...added, ...list.waiting]) };
  }
  return hold ? joined : release(joined);
}

/** Shows what was held back. */
export function release(list: LiveList): LiveList {
  if (list.waiting.length === 0) return list;
  return {
    shown: list.restart ? list.waiting : newestFirst([...list.waiting, ...list.shown]),
    waiting: [],
    restart: null,
    fresh: new Set(list.waiting.map((call) => call.id)),
    olderCursor: list.restart ? list.restart.olderCursor : list.olderCursor,
  };
}

export function appendOlder(list: LiveList, page: CallPage): LiveList {
  const known = new Set(list.shown.map((call) => call.id));
  return {
    ...list,
    shown: [...list.shown, ...page.data.filter((call) => !known.has(call.id))],
    olderCursor: cursorAfter(page),
  };
}

function cursorAfter(page: CallPage): string | null {
  return page.has_more ? page.next_cursor : null;
}

function newestFirst(calls: readonly Call[]): Call[] {
  const moments = new Map(calls.map((call) => [call.id, Date.parse(call.occurred_at)]));
  return calls.toSorted((a, b) => (moments.get(b.id) ?? 0) - (moments.get(a.id) ?? 0) || (a.id < b.id ? 1 : -1));
}
