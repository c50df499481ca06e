"""Which period of a budget a moment lies in. Pure; the edge and the ledger ask the same question and must agree.

    calendar_month    from the first of a month
    weekly            from Monday
    daily             from midnight
    fixed             one, from the budget's start, without an end
    rolling_<N>d      the last N whole days, today's included: a new period each day, that most of the one before counts for too

Days are those of the budget's time zone: where clocks change, one of them has 23 or 25 hours.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_ROLLING: Final = re.compile(r"rolling_([1-9][0-9]{0,2})d")
_MOST_DAYS: Final = 366


@dataclass(frozen=True, slots=True)
class Period:
    """`start <= moment < end`, in UTC; no end: never. What was spent from `counts_from` up to `end` counts for it."""

    start: datetime
    end: datetime | None
    counts_from: datetime

    @property
    def name(self) -> str:
        """By which Redis, records and events know it."""
        return self.start.isoformat()


@dataclass(frozen=True, slots=True)
class Schedule:
    """`days` is 1 but for a rolling one."""

    kind: Literal["calendar_month", "weekly", "daily", "fixed", "rolling"]
    days: int = 1


@lru_cache(maxsize=1000)
def parse_schedule(text: str) -> Schedule:
    """Raises `ValueError`."""
    match text:
        case "calendar_month" | "weekly" | "daily" | "fixed":
            return Schedule(text)
    rolling = _ROLLING.fullmatch(text)
    if rolling is None or int(rolling[1]) > _MOST_DAYS:
        raise ValueError(f"a schedule is calendar_month, weekly, daily, fixed or rolling_<days>d, up to {_MOST_DAYS}")
    return Schedule("rolling", int(rolling[1]))


def period_at(schedule: str, *, timezone: str, starts_at: datetime, moment: datetime) -> Period:
    """`starts_at` matters to a fixed one only, whose one period is given for moments before it too (they do not count for it).

    Raises `ValueError` for a schedule or a time zone that does not exist, `OverflowError` at the ends of the calendar.
    """
    parsed = parse_schedule(schedule)
    if parsed.kind == "fixed":
        start = starts_at.astimezone(UTC)
        return Period(start, None, start)
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, OSError) as error:  # a folder of zones is no zone either
        raise ValueError(f"no time zone is called {timezone[:64]}") from error
    today = moment.astimezone(zone).date()
    match parsed.kind:
        case "calendar_month":
            first = today.replace(day=1)
            last = (first + timedelta(days=31)).replace(day=1)
        case "weekly":
            first = today - timedelta(days=today.weekday())
            last = first + timedelta(days=7)
        case _:
            first, last = today, today + timedelta(days=1)
    start = _midnight(first, zone)
    counts_from = _midnight(first - timedelta(days=parsed.days - 1), zone) if parsed.days > 1 else start
    return Period(start, _midnight(last, zone), counts_from)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The day's first moment."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
