/** Money, moments and identifiers as elements: the short form on screen, the full value on hover and for copying. */
import { useEffect, useState } from "react";

import { exactUsd, roughUsd, shortUsd } from "@/lib/money";
import { calendarDate, fullDateTime, relativeTime } from "@/lib/time";

/** `rough` keeps four significant digits, for totals in tiles; the exact amount is always on hover. */
export function Money({ nano, rough = false }: { nano: string; rough?: boolean }) {
  return <span title={exactUsd(nano)}>{rough ? roughUsd(nano) : shortUsd(nano)}</span>;
}

/** "19 Feb 2027", with the full moment on hover. */
export function CalendarDate({ iso }: { iso: string }) {
  return (
    <time dateTime={iso} title={fullDateTime(iso)}>
      {calendarDate(iso)}
    </time>
  );
}

/** "2 minutes ago", kept current, with the full moment on hover. */
export function RelativeTime({ iso }: { iso: string }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 15_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={iso} title={fullDateTime(iso)}>
      {relativeTime(iso, now)}
    </time>
  );
}
