"""Ranges and buckets: whole local days and hours, on the days when clocks change and in the zones that are odd."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from admin_api.usage.domain import (
    Period,
    Range,
    Window,
    bucket_starts,
    day_starts,
    entry_windows,
    parse_zone,
    resolve_range,
    split_hours,
)
from common.http.errors import InvalidRequestError

_NOW = datetime(2026, 11, 23, 10, 20, 30, tzinfo=UTC)
_HOUR = timedelta(hours=1)
# With days of 23 and 25 hours; off by half and by three quarters of an hour; changing by half an hour; changing at midnight;
# on the other side of the date line.
_ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Kiritimati",
)
_SINCE_2020 = datetime(2020, 1, 1, tzinfo=UTC)
_MOMENTS = st.timedeltas(timedelta(0), timedelta(days=3650)).map(lambda passed: _SINCE_2020 + passed)


def _of(period: Period, zone: str, now: datetime = _NOW) -> Range:
    return resolve_range(period=period, start=None, end=None, timezone=zone, now=now)


def _between(start: datetime, end: datetime, zone: str = "UTC") -> Range:
    return resolve_range(period=None, start=start, end=end, timezone=zone, now=_NOW)


def _lengths(asked: Range) -> list[timedelta]:
    return [later - earlier for earlier, later in pairwise([*bucket_starts(asked), asked.window.end])]


def test_24h_is_the_running_hour_and_the_23_before() -> None:
    asked = _of("24h", "UTC")
    assert asked.bucket == "hour"
    assert asked.window == Window(datetime(2026, 11, 22, 11, tzinfo=UTC), datetime(2026, 11, 23, 11, tzinfo=UTC))
    assert _lengths(asked) == [_HOUR] * 24


def test_24h_in_a_zone_off_by_half_an_hour_is_of_its_own_hours() -> None:
    asked = _of("24h", "Asia/Kolkata")  # 15:50 there
    assert asked.window.end == datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    assert _lengths(asked) == [_HOUR] * 24


def test_without_anything_it_is_24h() -> None:
    assert resolve_range(period=None, start=None, end=None, timezone="UTC", now=_NOW) == _of("24h", "UTC")


@pytest.mark.parametrize(("period", "days"), [("7d", 7), ("30d", 30)])
def test_days_are_today_and_the_days_before(period: Period, days: int) -> None:
    asked = _of(period, "Europe/Berlin")
    assert asked.bucket == "day"
    assert asked.window.end == datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert len(bucket_starts(asked)) == days


def test_the_day_is_the_zones_and_not_utcs() -> None:
    late = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)  # the 24th in Kiritimati, the 23rd in New York
    assert _of("7d", "Pacific/Kiritimati", late).window.end == datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert _of("7d", "America/New_York", late).window.end == datetime(2026, 11, 24, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "days"),
    [
        (datetime(2026, 2, 28, 23, 59, tzinfo=UTC), 28),
        (datetime(2028, 2, 1, tzinfo=UTC), 29),
        (datetime(2026, 12, 31, tzinfo=UTC), 31),
    ],
)
def test_month_is_the_calendar_month(now: datetime, days: int) -> None:
    asked = _of("month", "UTC", now)
    assert asked.window.start == now.replace(day=1, hour=0, minute=0)
    assert len(bucket_starts(asked)) == days


def test_a_month_belongs_to_the_zone() -> None:
    asked = _of("month", "Asia/Kolkata", datetime(2026, 11, 30, 19, tzinfo=UTC))  # the 1st of December there
    assert asked.window.start == datetime(2026, 11, 30, 18, 30, tzinfo=UTC)
    assert asked.window.end == datetime(2026, 12, 31, 18, 30, tzinfo=UTC)


def test_days_on_which_clocks_change_have_23_or_25_hours() -> None:
    spring = _between(datetime(2026, 3, 28, tzinfo=UTC) - _HOUR, datetime(2026, 3, 30, 22, tzinfo=UTC), "Europe/Berlin")
    assert _lengths(spring) == [24 * _HOUR, 23 * _HOUR, 24 * _HOUR]
    autumn = _between(datetime(2026, 10, 23, 22, tzinfo=UTC), datetime(2026, 10, 26, 23, tzinfo=UTC), "Europe/Berlin")
    assert _lengths(autumn) == [24 * _HOUR, 25 * _HOUR, 24 * _HOUR]


def test_a_day_without_a_midnight_begins_when_the_clocks_have_changed() -> None:
    asked = _between(datetime(2026, 3, 7, 5, tzinfo=UTC), datetime(2026, 3, 10, 4, tzinfo=UTC), "America/Havana")
    assert _lengths(asked) == [24 * _HOUR, 23 * _HOUR, 24 * _HOUR]
    assert bucket_starts(asked)[1].astimezone(asked.zone).hour == 1


def test_a_day_that_never_was_has_no_bucket() -> None:
    asked = _between(datetime(2011, 12, 28, 10, tzinfo=UTC), datetime(2012, 1, 1, 10, tzinfo=UTC), "Pacific/Apia")
    days = [start.astimezone(asked.zone).day for start in bucket_starts(asked)]
    assert days == [28, 29, 31, 1]


def test_hours_in_a_zone_that_changes_by_half_an_hour() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    day = datetime(2026, 4, 5, tzinfo=zone).astimezone(UTC)
    asked = _between(day, day + timedelta(hours=24, minutes=30), zone.key)
    lengths = _lengths(asked)
    assert sum(lengths, timedelta()) == timedelta(hours=24, minutes=30)
    assert lengths.count(_HOUR) == 24
    assert lengths.count(_HOUR / 2) == 1


def test_a_range_that_begins_within_a_bucket_begins_with_a_part_of_it() -> None:
    asked = _between(datetime(2026, 11, 23, 10, 20, tzinfo=UTC), datetime(2026, 11, 23, 12, 30, tzinfo=UTC))
    assert _lengths(asked) == [timedelta(minutes=40), _HOUR, timedelta(minutes=30)]


@given(
    zone=st.sampled_from(_ZONES), start=_MOMENTS, length=st.timedeltas(timedelta(microseconds=1), timedelta(days=180))
)
def test_buckets_cover_the_range_and_begin_at_local_boundaries(zone: str, start: datetime, length: timedelta) -> None:
    asked = _between(start, start + length, zone)
    starts = bucket_starts(asked)
    assert starts[0] == asked.window.start
    assert all(timedelta(0) < each <= timedelta(hours=25) for each in _lengths(asked))
    for moment in starts[1:]:
        here = moment.astimezone(asked.zone)
        just_before = (moment - timedelta(microseconds=1)).astimezone(asked.zone)
        if asked.bucket == "day":
            assert here.date() > just_before.date()
        else:
            assert here.replace(minute=0) != just_before.replace(minute=0, second=0, microsecond=0) or (
                here.utcoffset() != just_before.utcoffset()
            )


@given(zone=st.sampled_from(_ZONES), now=_MOMENTS, period=st.sampled_from(["24h", "7d", "30d", "month"]))
def test_every_period_has_whole_buckets_and_holds_the_present(zone: str, now: datetime, period: Period) -> None:
    asked = _of(period, zone, now)
    assert asked.window.start <= now < asked.window.end
    if period != "24h":
        assert all(start.astimezone(asked.zone).hour in {0, 1} for start in bucket_starts(asked))
        return
    assume(asked.window.start.astimezone(asked.zone).utcoffset() == now.astimezone(asked.zone).utcoffset())
    assert _lengths(asked) == [_HOUR] * 24


@given(boundaries=st.lists(_MOMENTS, min_size=2, max_size=20, unique=True).map(sorted))
def test_split_hours_hold_exactly_the_boundaries_off_the_hour(boundaries: list[datetime]) -> None:
    hours = split_hours(boundaries)
    off = [moment for moment in boundaries if (moment.minute, moment.second, moment.microsecond) != (0, 0, 0)]
    assert all(any(hour < moment < hour + _HOUR for hour in hours) for moment in off)
    assert all(any(hour < moment < hour + _HOUR for moment in off) for hour in hours)
    windows = entry_windows(Window(boundaries[0], boundaries[-1]), hours)
    assert all(earlier.end < later.start for earlier, later in pairwise(windows))
    assert all(boundaries[0] <= each.start < each.end <= boundaries[-1] for each in windows)


def test_whole_hours_need_no_entries() -> None:
    for zone in ("UTC", "Europe/Berlin", "Pacific/Kiritimati"):
        asked = _of("30d", zone)
        assert split_hours([*bucket_starts(asked), asked.window.end]) == []


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "America",
        "Europe/",
        "/etc/localtime",
        "../../etc/passwd",
        "Europe/../Europe/Berlin",
        "right/UTC",
        "posix/UTC",
        "localtime",
        "posixrules",
        "tzdata.zi",
        "zone.tab",
        "leapseconds",
        "Europe/Berlin\0",
        "Europe/Berlin\n",
        "Ü" * 20,
        "A" * 300,
        "+02:00",
    ],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        parse_zone(name)
    assert refusal.value.param == "timezone"


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"start": _NOW}, "end"),
        ({"end": _NOW}, "start"),
        ({"start": _NOW, "end": _NOW}, "end"),
        ({"start": _NOW, "end": _NOW - _HOUR}, "end"),
        ({"start": _NOW - timedelta(days=180, microseconds=1), "end": _NOW}, "end"),
        ({"start": datetime(1, 1, 1, tzinfo=UTC), "end": datetime(1, 1, 2, tzinfo=UTC)}, "start"),
        ({"start": _NOW, "end": datetime(9999, 12, 31, tzinfo=UTC)}, "end"),
    ],
)
def test_what_is_no_range_is_refused(given: dict[str, datetime], param: str) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        resolve_range(**({"period": None, "start": None, "end": None} | given), timezone="UTC", now=_NOW)  # type: ignore[arg-type]
    assert refusal.value.param == param


def test_180_days_are_not_too_long() -> None:
    assert len(bucket_starts(_between(_NOW - timedelta(days=180), _NOW))) == 181


def test_start_and_end_count_before_the_period() -> None:
    asked = resolve_range(period="7d", start=_NOW - _HOUR, end=_NOW, timezone="UTC", now=_NOW)

    assert asked.window == Window(_NOW - _HOUR, _NOW)


def test_days_of_a_short_range_are_days_all_the_same() -> None:
    berlin = _between(datetime(2026, 10, 24, 21, tzinfo=UTC), datetime(2026, 10, 26, 1, tzinfo=UTC), "Europe/Berlin")

    assert [start.isoformat() for start in day_starts(berlin)] == [
        "2026-10-24T21:00:00+00:00",
        "2026-10-24T22:00:00+00:00",
        "2026-10-25T23:00:00+00:00",  # a day of 25 hours
    ]
