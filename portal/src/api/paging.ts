/** Reading lists of the Admin API that come in pages. */

export interface Paged<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

export const PAGE_SIZE = 50;

/** The `query` part of a request for one page. */
export function pageQuery(cursor: string | undefined, limit: number = PAGE_SIZE): { limit: number; cursor?: string } {
  return cursor === undefined ? { limit } : { limit, cursor };
}

/** For `getNextPageParam` of an infinite query. */
export function nextCursor(page: Paged<unknown>): string | undefined {
  return page.has_more && page.next_cursor !== null ? page.next_cursor : undefined;
}

/** Every entry of a list that people choose from. Stops after `maxPages`, so that a broken cursor cannot loop for ever. */
export async function everyPage<T>(
  fetchPage: (query: { limit: number; cursor?: string }) => Promise<Paged<T>>,
  maxPages: number = 20,
): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page += 1) {
    // One page names the next: they cannot be fetched side by side.
    // oxlint-disable-next-line no-await-in-loop
    const reply = await fetchPage(pageQuery(cursor, 100));
    all.push(...reply.data);
    cursor = nextCursor(reply);
    if (cursor === undefined) break;
  }
  return all;
}
