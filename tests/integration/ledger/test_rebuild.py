"""Sums that are made again: right whatever they were, while calls go on being entered, and never of what is no longer there."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from admin_api.ledger import service
from admin_api.ledger.audit import find_differences
from admin_api.ledger.partitions import drop_partitions, ensure_partitions
from admin_api.ledger.rebuild import Rebuilt, rebuild
from common.db.engine import Sessions
from common.events.usage import UsageEnvelope
from common.testing.usage_events import usage_event

pytestmark = pytest.mark.data_layer

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_TABLES = ("usage_hourly", "usage_hourly_tags")


def _events(count: int, *, seed: int = 1, days: int = 3) -> list[UsageEnvelope]:
    choose = random.Random(seed)
    return [
        usage_event(
            time=_NOON - timedelta(seconds=choose.randrange(days * 86_400)),
            key_id=f"key_{choose.randrange(3)}",
            alias=choose.choice(["demo", "large"]),
            status=choose.choice(["succeeded", "failed"]),
            input_tokens=choose.randrange(1000),
            tags={"team": choose.choice("ab")} if choose.random() < 0.5 else {},
        )
        for _ in range(count)
    ]


async def _sums(sessions: Sessions) -> list[list[tuple[object, ...]]]:
    async with sessions.begin() as session:
        return [
            sorted(tuple(row) for row in await session.execute(text(f"SELECT * FROM ledger.{table}")))
            for table in _TABLES
        ]


async def test_whatever_was_wrong_is_right_again(sessions: Sessions) -> None:
    await service.record_usage(sessions, _events(200))
    before = await _sums(sessions)
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM ledger.usage_hourly_tags"))
        await session.execute(text("UPDATE ledger.usage_hourly SET requests = requests + 1 WHERE alias = 'demo'"))
        await session.execute(text("DELETE FROM ledger.usage_hourly WHERE alias = 'large' AND key_id = 'key_0'"))

    done = await rebuild(sessions)

    assert done.days == 4
    assert done.wrong > 0
    assert await _sums(sessions) == before
    assert await rebuild(sessions) == Rebuilt(4, 0)


async def test_only_the_days_asked_for_are_touched(sessions: Sessions) -> None:
    await service.record_usage(sessions, _events(100))
    async with sessions.begin() as session:
        await session.execute(text("UPDATE ledger.usage_hourly SET requests = 1000"))

    day = _NOON.replace(hour=0) - timedelta(days=1)
    done = await rebuild(sessions, start=day + timedelta(hours=5), end=day + timedelta(hours=6))

    assert done.days == 1
    async with sessions.begin() as session:
        wrong = {difference.key["hour"].date() for difference in await find_differences(session)}  # type: ignore[union-attr]
    assert day.date() not in wrong
    assert len(wrong) == 3


async def test_calls_that_are_entered_meanwhile_count_once(sessions: Sessions) -> None:
    batches = [_events(20, seed=seed) for seed in range(30)]
    await service.record_usage(sessions, batches[0])
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM ledger.usage_hourly"))

    async def enter() -> None:
        for batch in batches[1:]:
            await service.record_usage(sessions, batch)

    async def make_again() -> None:
        for _ in range(5):
            await rebuild(sessions)

    await asyncio.gather(enter(), make_again())

    async with sessions.begin() as session:
        assert await find_differences(session) == []
    assert (await rebuild(sessions)).wrong == 0


async def test_an_empty_ledger_has_nothing_to_make(sessions: Sessions) -> None:
    assert await rebuild(sessions) == Rebuilt()


async def test_old_months_go_and_their_sums_stay(sessions: Sessions) -> None:
    now, old = _NOON, _NOON - timedelta(days=100)
    await service.record_usage(sessions, [usage_event(time=old), usage_event(time=now)])
    await ensure_partitions(sessions, now=now)
    before = await _sums(sessions)

    kept = await drop_partitions(sessions, now=now, keep=0)
    dropped = await drop_partitions(sessions, now=now, keep=2)
    again = await drop_partitions(sessions, now=now, keep=2)

    assert (kept, dropped, again) == ([], ["usage_entries_2026_08"], [])
    async with sessions.begin() as session:
        left = await session.scalar(text("SELECT count(*) FROM ledger.usage_entries"))
    assert left == 1
    assert (await rebuild(sessions)).wrong == 0
    assert await _sums(sessions) == before


async def test_what_arrives_late_for_a_dropped_month_is_added_and_replaces_nothing(sessions: Sessions) -> None:
    """The late entry makes its month's partition again, which must not pass for the whole month."""
    old = _NOON - timedelta(days=100)
    known = [usage_event(time=old), usage_event(time=old + timedelta(days=1)), usage_event(time=_NOON)]
    late = usage_event(time=old - timedelta(hours=5))
    await service.record_usage(sessions, known)
    await ensure_partitions(sessions, now=_NOON)
    await drop_partitions(sessions, now=_NOON, keep=2)

    for _ in range(2):  # however often the edge says it while it is there
        await service.record_usage(sessions, [late])
    await ensure_partitions(sessions, now=_NOON)
    before = await _sums(sessions)
    assert await rebuild(sessions) == Rebuilt(1, 0)
    assert await rebuild(sessions, start=old - timedelta(days=2)) == Rebuilt(1, 0)
    assert await drop_partitions(sessions, now=_NOON, keep=2) == ["usage_entries_2026_08"]

    assert await _sums(sessions) == before
    async with sessions.begin() as session:
        assert await session.scalar(text("SELECT sum(requests) FROM ledger.usage_hourly")) == 4
