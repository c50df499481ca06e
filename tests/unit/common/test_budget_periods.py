"""Periods of budgets: they tile time, in days of the budget's own zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.budget_periods import Period, Schedule, parse_schedule, period_at

_START = datetime(2026, 1, 1, tzinfo=UTC)
# Clocks that change, by half an hour too; half and three quarters of an hour off; midnights that are skipped; a day that never was.
_ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Apia",
)
_REPEATED = ("calendar_month", "weekly", "daily", "rolling_1d", "rolling_7d", "rolling_30d", "rolling_366d")

moments = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=110 * 365)).map(
    lambda since: datetime(1990, 1, 1, tzinfo=UTC) + since
)


def _at(schedule: str, moment: datetime, timezone: str = "UTC", starts_at: datetime = _START) -> Period:
    return period_at(schedule, timezone=timezone, starts_at=starts_at, moment=moment)


@given(schedule=st.sampled_from(_REPEATED), timezone=st.sampled_from(_ZONES), moment=moments)
@example(schedule="daily", timezone="Pacific/Apia", moment=datetime(2011, 12, 30, 9, 59, tzinfo=UTC))
@example(schedule="daily", timezone="America/Havana", moment=datetime(2026, 11, 1, 4, 30, tzinfo=UTC))
@example(schedule="rolling_7d", timezone="America/Sao_Paulo", moment=datetime(2018, 11, 4, 2, 59, tzinfo=UTC))
def test_periods_follow_each_other_without_a_gap(schedule: str, timezone: str, moment: datetime) -> None:
    period = _at(schedule, moment, timezone)
    assert period.end is not None
    assert period.start <= moment < period.end
    assert period.counts_from <= period.start
    following, last = (
        _at(schedule, period.end, timezone),
        _at(schedule, period.end - timedelta(microseconds=1), timezone),
    )
    assert following.start == period.end
    assert last == _at(schedule, period.start, timezone) == period
    assert _at(schedule, period.start - timedelta(microseconds=1), timezone).end == period.start


@given(days=st.integers(1, 366), timezone=st.sampled_from(tuple(set(_ZONES) - {"Pacific/Apia"})), moment=moments)
def test_a_rolling_period_counts_so_many_local_days(days: int, timezone: str, moment: datetime) -> None:
    """Each moment counts for so many periods, the first of them the day that it lies in."""
    period = _at(f"rolling_{days}d", moment, timezone)
    assert period.start == _at("daily", moment, timezone).start
    zone = ZoneInfo(timezone)
    # Noon, for a midnight may be skipped.
    first, today = (each.astimezone(zone).date() for each in (period.counts_from, moment))
    assert (today - first).days == days - 1


@pytest.mark.parametrize(
    ("schedule", "moment", "start", "end"),
    [
        ("calendar_month", "2026-11-30T23:59:59+01:00", "2026-11-01T00:00:00+01:00", "2026-12-01T00:00:00+01:00"),
        ("calendar_month", "2026-12-31T12:00:00+01:00", "2026-12-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"),
        ("calendar_month", "2026-10-31T23:30:00+00:00", "2026-11-01T00:00:00+01:00", "2026-12-01T00:00:00+01:00"),
        ("weekly", "2026-11-29T23:59:00+01:00", "2026-11-23T00:00:00+01:00", "2026-11-30T00:00:00+01:00"),
        ("weekly", "2026-11-30T00:00:00+01:00", "2026-11-30T00:00:00+01:00", "2026-12-07T00:00:00+01:00"),
        ("daily", "2026-03-29T12:00:00+02:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
        ("daily", "2026-10-25T12:00:00+01:00", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
    ],
)
def test_periods_in_berlin(schedule: str, moment: str, start: str, end: str) -> None:
    period = _at(schedule, datetime.fromisoformat(moment), "Europe/Berlin")
    assert (period.start, period.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert period.counts_from == period.start
    assert period.start.tzinfo is UTC


def test_a_day_has_as_many_hours_as_the_clock_goes_round() -> None:
    def hours(day: str) -> float:
        period = _at("daily", datetime.fromisoformat(f"{day}T12:00:00+00:00"), "Europe/Berlin")
        assert period.end is not None
        return (period.end - period.start) / timedelta(hours=1)

    assert [hours(day) for day in ("2026-03-28", "2026-03-29", "2026-10-25", "2026-10-26")] == [24, 23, 25, 24]


def test_seven_days_over_a_change_of_clocks() -> None:
    period = _at("rolling_7d", datetime(2026, 3, 31, 12, tzinfo=UTC), "Europe/Berlin")
    assert period.name == "2026-03-30T22:00:00+00:00"
    assert period.counts_from == datetime(2026, 3, 24, 23, tzinfo=UTC)


@given(moment=moments)
def test_a_fixed_one_never_ends(moment: datetime) -> None:
    starts_at = datetime.fromisoformat("2026-11-23T10:30:00.250000+05:45")
    period = _at("fixed", moment, starts_at=starts_at)
    assert period == Period(starts_at, None, starts_at)
    assert period.name == "2026-11-23T04:45:00.250000+00:00"


def test_schedules_are_read() -> None:
    assert parse_schedule("weekly") == Schedule("weekly")
    assert parse_schedule("rolling_1d") == Schedule("rolling", 1)
    assert parse_schedule("rolling_366d") == Schedule("rolling", 366)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "monthly",
        "Daily",
        "daily ",
        "rolling",
        "rolling_0d",
        "rolling_07d",
        "rolling_367d",
        "rolling_-1d",
        "rolling_٣d",
    ],
)
def test_other_texts_are_no_schedules(text: str) -> None:
    with pytest.raises(ValueError, match="a schedule is"):
        parse_schedule(text)


@pytest.mark.parametrize("timezone", ["", "Europe", "Europe/Atlantis", "../etc/passwd", "/etc/passwd", "nul\0nul"])
def test_other_names_are_no_time_zones(timezone: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the library's words differ
        _at("daily", _START, timezone)


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
@pytest.mark.parametrize(
    ("schedule", "timezone"), [("rolling_7d", "America/New_York"), ("rolling_7d", "Asia/Tokyo"), ("rolling_7d", "UTC")]
)
def test_the_ends_of_the_calendar_have_one_error(schedule: str, moment: datetime, timezone: str) -> None:
    with pytest.raises(OverflowError):
        _at(schedule, moment, timezone)
