"""Months as partitions know them."""

from datetime import UTC, datetime, timedelta, timezone

from admin_api.ledger.partitions import Month


def test_the_month_of_a_moment_is_its_month_in_utc() -> None:
    ahead = timezone(timedelta(hours=14))
    assert Month.of(datetime(2027, 1, 1, 3, tzinfo=ahead)) == Month(2026, 12)
    assert Month.of(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == Month(2026, 12)


def test_months_are_counted_over_years() -> None:
    assert Month(2026, 11).plus(2) == Month(2027, 1)
    assert Month(2027, 1).plus(-1) == Month(2026, 12)
    assert Month(2026, 12).plus(-24) == Month(2024, 12)
    assert Month(2026, 12).plus(0) == Month(2026, 12)


def test_a_partition_is_named_after_its_month() -> None:
    assert Month(2026, 3).partition == "usage_entries_2026_03"
    assert Month(2026, 3).start == datetime(2026, 3, 1, tzinfo=UTC)
