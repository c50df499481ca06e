/** The live list on a page: polls, holds new rows back while they would move what is being read, loads older ones. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { type LiveList, appendOlder, joinNewest, release, startList } from "./live-list";
import { type CallFilter, fetchOlderCalls, newestCallsQuery } from "./queries";

/** Further down than this, rows that appear at the top would push away what the person reads. */
const READING_BELOW_PX = 160;

interface LiveCalls {
  list: LiveList | undefined;
  error: Error | null;
  retry: () => void;
  showWaiting: () => void;
  loadOlder: () => void;
  isLoadingOlder: boolean;
  olderError: Error | null;
}

/** Mount the component anew for another filter (`key`): a list belongs to one filter. */
export function useLiveCalls(filter: CallFilter, paused: boolean): LiveCalls {
  const newest = useQuery(newestCallsQuery(filter));
  const [list, setList] = useState<LiveList>();
  const page = newest.data;

  useEffect(() => {
    if (page === undefined) return;
    const hold = paused || globalThis.scrollY > READING_BELOW_PX;
    // The poll is the outside system here: the list is its history, which no render could derive.
    // oxlint-disable-next-line react/set-state-in-effect
    setList((current) => (current === undefined ? startList(page) : joinNewest(current, page, hold)));
  }, [page, paused]);

  useEffect(() => {
    const onScroll = () => {
      if (!paused && globalThis.scrollY <= READING_BELOW_PX) setList((current) => current && release(current));
    };
    globalThis.addEventListener("scroll", onScroll, { passive: true });
    return () => globalThis.removeEventListener("scroll", onScroll);
  }, [paused]);

  const older = useMutation({
    mutationFn: (cursor: string) => fetchOlderCalls(filter, cursor),
    onSuccess: (olderPage) => setList((current) => current && appendOlder(current, olderPage)),
  });

  return {
    list,
    error: newest.error,
    retry: () => void newest.refetch(),
    showWaiting: () => setList((current) => current && release(current)),
    loadOlder: () => {
      if (list?.olderCursor) older.mutate(list.olderCursor);
    },
    isLoadingOlder: older.isPending,
    olderError: older.error,
  };
}
