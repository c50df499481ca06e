"""Monthly partitions: made ahead, by many at once, and over rows that are there already."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from admin_api.ledger import repository, service
from admin_api.ledger.consumers import UsageHandler
from admin_api.ledger.models import LedgerBase
from admin_api.ledger.partitions import Month, ensure_partitions, make_partition
from admin_api.migrations import SCHEMAS
from admin_api.models import METADATA
from common.bus.consumer import TransientError
from common.db.engine import Sessions
from common.db.migrate import pending_differences
from common.testing.usage_events import usage_event

pytestmark = pytest.mark.data_layer

AssertSound = Callable[[int], Awaitable[None]]
_NOW = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)


async def _rows(sessions: Sessions) -> dict[str, int]:
    """How many entries each partition holds."""
    async with sessions() as session:
        found = await session.execute(
            text("SELECT tableoid::regclass::text AS name, count(*) AS rows FROM ledger.usage_entries GROUP BY 1")
        )
        return {row.name.removeprefix("ledger.usage_entries_"): row.rows for row in found}


async def test_this_month_and_the_next_two_are_made_once(sessions: Sessions) -> None:
    made = await ensure_partitions(sessions, now=_NOW)
    assert made == ["usage_entries_2026_11", "usage_entries_2026_12", "usage_entries_2027_01"]
    assert await ensure_partitions(sessions, now=_NOW) == []
    assert await ensure_partitions(sessions, now=_NOW + timedelta(minutes=1)) == ["usage_entries_2027_02"]


async def test_calls_go_where_their_month_is(sessions: Sessions, assert_sound: AssertSound) -> None:
    await ensure_partitions(sessions, now=_NOW)
    moments = (
        datetime(2026, 10, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2027, 2, 1, tzinfo=UTC),
    )
    await service.record_usage(sessions, [usage_event(time=moment) for moment in moments])
    assert await _rows(sessions) == {"default": 2, "2026_11": 2, "2026_12": 1}
    await assert_sound(5)


async def test_rows_in_the_default_partition_move_to_their_month(sessions: Sessions, assert_sound: AssertSound) -> None:
    """Also those of a past month, which nobody made ahead; a clock gone wrong makes no month."""
    months = [datetime(2026, month, 15, tzinfo=UTC) for month in (9, 11, 12)]
    odd = [datetime(1999, 1, 1, tzinfo=UTC), datetime(2500, 1, 1, tzinfo=UTC)]
    events = [usage_event(time=moment) for moment in months + odd for _ in range(10)]
    await service.record_usage(sessions, events)
    assert await _rows(sessions) == {"default": 50}
    made = await ensure_partitions(sessions, now=_NOW)
    assert made == [f"usage_entries_{name}" for name in ("2026_09", "2026_11", "2026_12", "2027_01")]
    assert await _rows(sessions) == {"default": 20, "2026_09": 10, "2026_11": 10, "2026_12": 10}
    assert (await service.record_usage(sessions, events)).calls == 0
    await assert_sound(50)


async def test_many_workers_make_them_while_others_write(sessions: Sessions, assert_sound: AssertSound) -> None:
    """Rows arrive in the default partition while it is being emptied; none is lost, doubled or refused."""
    events = [usage_event(time=datetime(2026, 11, 1 + n % 28, tzinfo=UTC)) for n in range(1200)]

    async def write(start: int) -> None:
        handle = UsageHandler(sessions, tell=lambda _spending: None)
        for first in range(start, start + 300, 10):
            try:
                await handle(events[first : first + 10])
            except TransientError:  # the partition came under its feet: the consumer would redeliver
                await handle(events[first : first + 10])

    writers = [asyncio.create_task(write(start)) for start in range(0, 1200, 300)]
    await asyncio.sleep(0.1)
    made = await asyncio.gather(*(ensure_partitions(sessions, now=_NOW) for _ in range(4)))
    await asyncio.gather(*writers)
    assert sorted(name for names in made for name in names) == [
        "usage_entries_2026_11",
        "usage_entries_2026_12",
        "usage_entries_2027_01",
    ]
    assert await _rows(sessions) == {"2026_11": 1200}
    await assert_sound(1200)


async def test_a_busy_default_partition_is_left_for_later(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(text("LOCK TABLE ledger.usage_entries_default IN ROW EXCLUSIVE MODE"))
        with pytest.raises((SQLAlchemyError, OSError)):
            await ensure_partitions(sessions, now=_NOW)
    assert len(await ensure_partitions(sessions, now=_NOW)) == 3


async def test_partitions_have_all_indexes_and_the_models_still_fit(sessions: Sessions) -> None:
    await ensure_partitions(sessions, now=_NOW)
    async with sessions() as session:
        counted = await session.execute(
            text("""
                SELECT inhrelid::regclass::text, count(pg_index.*) FROM pg_inherits
                JOIN pg_index ON indrelid = inhrelid AND EXISTS (
                    SELECT FROM pg_inherits AS of_index WHERE of_index.inhrelid = indexrelid)
                WHERE inhparent = 'ledger.usage_entries'::regclass GROUP BY 1
            """)
        )
        assert [row[1] for row in counted] == [4, 4, 4, 4]
        connection = await session.connection()
        assert not await connection.run_sync(
            pending_differences, metadata=[METADATA, LedgerBase.metadata], schemas=SCHEMAS
        )


@pytest.mark.parametrize("by_copy", [True, False])
async def test_a_call_caught_in_the_making_of_its_partition_is_not_given_up(
    sessions: Sessions, assert_sound: AssertSound, monkeypatch: pytest.MonkeyPatch, by_copy: bool
) -> None:
    """Postgres has chosen the default partition for it by then, and refuses it there once the month has its own."""
    if not by_copy:
        monkeypatch.setattr(repository, "copy", AsyncMock(side_effect=repository.RefusedError))
    handle = UsageHandler(sessions, tell=lambda _spending: None)
    event = usage_event(time=datetime(2026, 11, 15, tzinfo=UTC))
    async with sessions.begin() as session:
        await make_partition(session, Month(2026, 11))
        caught = asyncio.create_task(handle([event]))
        # Of this database: other tests' calls wait for locks on the same server.
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ 'usage_entries'"
        )
        async with asyncio.timeout(5):
            while not await session.scalar(waiting):
                await session.execute(text("SELECT pg_stat_clear_snapshot()"))
                await asyncio.sleep(0.02)
    if by_copy:
        await caught
    else:
        with pytest.raises(TransientError):
            await caught
        await handle([event])
    assert await _rows(sessions) == {"2026_11": 1}
    await assert_sound(1)
