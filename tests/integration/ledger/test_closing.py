"""Hours that are closed: reports say the same as before, whatever is entered late, and by however many at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from admin_api.ledger import service
from admin_api.ledger.audit import find_coarse_differences
from admin_api.ledger.closing import close_hours
from admin_api.ledger.rebuild import rebuild
from admin_api.usage.domain import Window
from admin_api.usage.filters import EVERYTHING, Filter, Group, Scope
from admin_api.usage.repository import sums_by_bucket, sums_by_bucket_and_group, sums_by_group
from common.db.engine import Sessions
from common.events.usage import UsageEnvelope
from common.testing.usage_events import usage_event

pytestmark = pytest.mark.data_layer

AssertSound = Callable[[int], Awaitable[None]]
NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
FIRST = NOW - timedelta(days=2)
FILTERS = (
    Filter(scope=EVERYTHING),
    Filter(scope=Scope(tenant_ids=["tnt_0", "tnt_1"])),
    Filter(scope=EVERYTHING, tenant_ids=["tnt_1"]),
    Filter(scope=EVERYTHING, aliases=["small"]),
    Filter(scope=EVERYTHING, providers=["openai"], aliases=["large"]),
    Filter(scope=EVERYTHING, tenant_ids=["tnt_0"], aliases=["small"]),
    Filter(scope=EVERYTHING, key_ids=["key_1"]),
)
GROUPS: tuple[Group, ...] = ("model", "tenant", "provider", "key")


def calls(count: int, *, seed: int, until: datetime = NOW) -> list[UsageEnvelope]:
    choose = random.Random(seed)
    seconds = int((until - FIRST).total_seconds())
    return [
        usage_event(
            time=FIRST + timedelta(seconds=choose.randrange(seconds)),
            tenant_id=f"tnt_{choose.randrange(3)}",
            key_id=f"key_{choose.randrange(3)}",
            alias=choose.choice(["small", "large"]),
            provider=choose.choice(["openai", "openai-compatible"]),
            status=choose.choice(["succeeded", "failed", "interrupted"]),
            input_tokens=choose.randrange(1000),
        )
        for _ in range(count)
    ]


async def reports(sessions: Sessions) -> list[Any]:
    """With boundaries on the hour, and with such that cut hours."""
    found: list[Any] = []
    windows = (Window(FIRST.replace(minute=0), NOW.replace(minute=0)), Window(FIRST, NOW + timedelta(hours=1)))
    async with sessions.begin() as session:
        for window in windows:
            starts = [window.start + timedelta(hours=7 * number) for number in range(5)]
            for wanted in FILTERS:
                found.append(await sums_by_bucket(session, window, starts, wanted))
                for group in GROUPS:
                    by_bucket = await sums_by_bucket_and_group(session, window, starts, wanted, group)
                    found.append(sorted(by_bucket.items()))
                    found.append(await sums_by_group(session, window, group, wanted, limit=10))
    return found


async def closed(sessions: Sessions) -> Sequence[datetime]:
    async with sessions.begin() as session:
        return list(await session.scalars(text("SELECT hour FROM ledger.closed_hours ORDER BY hour")))


async def test_reports_say_the_same(sessions: Sessions, assert_sound: AssertSound) -> None:
    await service.record_usage(sessions, calls(400, seed=1))
    before = await reports(sessions)

    count = await close_hours(sessions, now=NOW, pause_s=0)

    hours = await closed(sessions)
    assert (count, len(hours)) == (47, 47)
    assert max(hours) == NOW.replace(hour=10, minute=0)
    async with sessions.begin() as session:
        for table in ("usage_hourly_models", "usage_hourly_tenants"):
            assert await session.scalar(text(f"SELECT sum(requests) FROM ledger.{table}")) > 300
    assert await reports(sessions) == before
    assert await close_hours(sessions, now=NOW, pause_s=0) == 0
    await assert_sound(400)


async def test_a_late_call_opens_its_hour_and_the_next_round_closes_it(
    sessions: Sessions, assert_sound: AssertSound
) -> None:
    await service.record_usage(sessions, calls(100, seed=2))
    await close_hours(sessions, now=NOW, pause_s=0)
    late = NOW - timedelta(hours=20)
    event = usage_event(time=late, tenant_id="tnt_0", alias="small")

    await service.record_usage(sessions, [event])
    assert late.replace(minute=0) not in await closed(sessions)
    opened = await reports(sessions)
    await service.record_usage(sessions, [event])
    assert await close_hours(sessions, now=NOW, pause_s=0) == 1

    assert await reports(sessions) == opened
    await assert_sound(101)


async def test_calls_are_entered_late_while_hours_are_closed(sessions: Sessions, assert_sound: AssertSound) -> None:
    ended = asyncio.Event()

    async def enter(seed: int) -> int:
        for number in range(20):
            await service.record_usage(sessions, calls(15, seed=1000 * seed + number))
        return 300

    async def close() -> None:
        while not ended.is_set():
            await close_hours(sessions, now=NOW, pause_s=0)

    closing = [asyncio.create_task(close()) for _ in range(2)]
    entered = sum(await asyncio.gather(*(enter(seed) for seed in range(4))))
    ended.set()
    await asyncio.gather(*closing)

    await assert_sound(entered)
    before = await reports(sessions)
    await close_hours(sessions, now=NOW, pause_s=0)
    assert await reports(sessions) == before
    await assert_sound(entered)


async def test_sums_that_are_made_again_open_their_hours(sessions: Sessions, assert_sound: AssertSound) -> None:
    await service.record_usage(sessions, calls(100, seed=3))
    before = await reports(sessions)
    async with sessions.begin() as session:
        await session.execute(text("UPDATE ledger.usage_hourly SET requests = requests + 1"))
    await close_hours(sessions, now=NOW, pause_s=0)
    async with sessions.begin() as session:
        assert await find_coarse_differences(session) == 0

    await rebuild(sessions)

    assert await closed(sessions) == []
    assert await reports(sessions) == before
    await close_hours(sessions, now=NOW, pause_s=0)
    assert await reports(sessions) == before
    await assert_sound(100)


async def test_the_check_finds_what_is_wrong(sessions: Sessions) -> None:
    await service.record_usage(sessions, calls(50, seed=4))
    await close_hours(sessions, now=NOW, pause_s=0)
    async with sessions.begin() as session:
        await session.execute(text("DELETE FROM ledger.usage_hourly_tenants WHERE tenant_id = 'tnt_0'"))
        await session.execute(text("UPDATE ledger.usage_hourly_models SET cost_nano_usd = cost_nano_usd + 1"))
        assert await find_coarse_differences(session) > 40
