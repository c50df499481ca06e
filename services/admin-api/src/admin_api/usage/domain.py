"""Which stretch of time a question is about, and into which buckets it falls. Pure; the clock and the zone are arguments.

A bucket starts where a local day or a local hour starts. Days of 23, 25 or no hours at all, and zones that are half an hour
off, follow from that: every boundary is an instant in UTC, and the boundaries only ever increase.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from common.http.errors import InvalidRequestError

Period = Literal["24h", "7d", "30d", "month"]
Bucket = Literal["hour", "day"]

LONGEST: Final = timedelta(days=180)
_HOUR: Final = timedelta(hours=1)
_HOURLY_UP_TO: Final = timedelta(hours=48)
_DEFAULT_PERIOD: Final[Period] = "24h"
_DAYS: Final[dict[Period, int]] = {"7d": 7, "30d": 30}
# Far from where datetimes overflow, so that any zone's offset can be applied.
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
# `posix/…`, `right/…` (which counts leap seconds) and `localtime` are files of a machine, not names of zones.
_ZONE_NAME: Final = re.compile(r"(?!posix|right|localtime)[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` up to, and not including, `end`; both in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Range:
    """What a question is about, and the zone whose days and hours count."""

    window: Window
    zone: ZoneInfo

    @property
    def bucket(self) -> Bucket:
        return "hour" if self.window.end - self.window.start <= _HOURLY_UP_TO else "day"


def resolve_range(
    *, period: Period | None, start: datetime | None, end: datetime | None, timezone: str, now: datetime
) -> Range:
    """The range that a request names, by `start` and `end` or else by `period`. Raises `InvalidRequestError`.

    `24h` is the local hour that runs now and the 23 before, `7d` and `30d` are today and the days before, `month` is the current
    calendar month: all end in the future, where nothing is yet, so that the last bucket is a whole one.
    """
    zone = parse_zone(timezone)
    if start is None and end is None:
        return Range(_window_of(period or _DEFAULT_PERIOD, zone, now), zone)
    if start is None or end is None:
        raise _invalid("end" if end is None else "start", "start and end go together.")
    for name, moment in (("start", start), ("end", end)):
        if not _FIRST <= moment <= _LAST:
            raise _invalid(name, "must lie between 1970 and 2200.")
    if start >= end:
        raise _invalid("end", "must be later than start.")
    if end - start > LONGEST:
        raise _invalid("end", f"may be at most {LONGEST.days} days after start.")
    return Range(Window(start.astimezone(UTC), end.astimezone(UTC)), zone)


def parse_zone(name: str) -> ZoneInfo:
    """A zone by its IANA name. Raises `InvalidRequestError`."""
    if len(name) <= 64 and _ZONE_NAME.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # no such file, or a file or folder of another kind
            pass
    raise _invalid("timezone", "must be the IANA name of a time zone, such as Europe/Berlin.")


def bucket_starts(asked: Range) -> list[datetime]:
    """Where each bucket begins, in UTC: the first with the range, the last before its end."""
    return _starts(asked, _next_hour if asked.bucket == "hour" else _next_day)


def day_starts(asked: Range) -> list[datetime]:
    """The same by days, however short the range is."""
    return _starts(asked, _next_day)


def _starts(asked: Range, following: Callable[[datetime, ZoneInfo], datetime]) -> list[datetime]:
    starts = [asked.window.start]
    while (start := following(starts[-1], asked.zone)) < asked.window.end:
        starts.append(start)
    return starts


def split_hours(boundaries: Sequence[datetime]) -> list[datetime]:
    """The UTC hours that a boundary cuts in two: what is stored per hour cannot tell their halves apart."""
    hours = {moment: _whole_hour(moment) for moment in boundaries}
    return sorted({hour for moment, hour in hours.items() if hour != moment})


def entry_windows(window: Window, hours: Sequence[datetime]) -> list[Window]:
    """The parts of `window` within `hours`, adjacent ones joined."""
    joined: list[Window] = []
    for hour in hours:
        part = Window(max(hour, window.start), min(hour + _HOUR, window.end))
        if joined and joined[-1].end == part.start:
            joined[-1] = Window(joined[-1].start, part.end)
        else:
            joined.append(part)
    return joined


def _window_of(period: Period, zone: ZoneInfo, now: datetime) -> Window:
    today = now.astimezone(zone).date()
    if period == "24h":
        end = _next_hour(now, zone)
        return Window(end - timedelta(hours=24), end)
    if period == "month":
        following = (today.replace(day=1) + timedelta(days=31)).replace(day=1)
        return Window(_midnight(today.replace(day=1), zone), _midnight(following, zone))
    first = today - timedelta(days=_DAYS[period] - 1)
    return Window(_midnight(first, zone), _midnight(today + timedelta(days=1), zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day. Where midnight is skipped that is the end of the gap, where it occurs twice the first."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _next_day(moment: datetime, zone: ZoneInfo) -> datetime:
    day = moment.astimezone(zone).date()
    while True:
        day += timedelta(days=1)
        if (start := _midnight(day, zone)) > moment:
            return start


def _next_hour(moment: datetime, zone: ZoneInfo) -> datetime:
    local = moment.astimezone(zone)
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    return (moment + _HOUR - into).astimezone(UTC)


def _whole_hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _invalid(param: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{param}: {message}", code="invalid_value", param=param)
