"""Recording batches: once each, whatever is repeated, and sums that follow."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from admin_api.ledger import service
from admin_api.ledger.audit import find_differences
from admin_api.ledger.budgets import Spending
from admin_api.ledger.consumers import UsageHandler
from common.bus.consumer import PermanentError, TransientError
from common.db.engine import Sessions, create_engine, create_sessions
from common.events.usage import UsageEnvelope
from common.testing.usage_events import usage_event

pytestmark = pytest.mark.data_layer

AssertSound = Callable[[int], Awaitable[None]]
_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _nobody(_spending: Sequence[Spending]) -> None:
    """Hears it."""


def _events(count: int, *, seed: int = 1) -> list[UsageEnvelope]:
    """Calls of three hours, a few tenants, keys and aliases, and every status."""
    choose = random.Random(seed)
    return [
        usage_event(
            time=_NOON + timedelta(seconds=choose.randrange(3 * 3600), microseconds=choose.randrange(10**6)),
            tenant_id=f"tnt_{choose.randrange(3)}",
            key_id=f"key_{choose.randrange(5)}",
            alias=choose.choice(["demo", "org/large", "größer"]),
            status=choose.choice(["succeeded", "failed", "aborted", "interrupted"]),
            estimated=choose.random() < 0.2,
            input_tokens=choose.randrange(10_000),
            output_tokens=choose.randrange(2_000),
        )
        for _ in range(count)
    ]


async def test_an_entry_holds_what_the_event_said(sessions: Sessions) -> None:
    event = usage_event(time=_NOON, status="failed", http_status=502, error_code="upstream_error", first_token_ms=None)
    assert (await service.record_usage(sessions, [event])).calls == 1
    async with sessions() as session:
        row = (await session.execute(text("SELECT * FROM ledger.usage_entries"))).mappings().one()
    data = event.data
    assert (row["call_id"], row["occurred_at"]) == (event.id, event.time)
    assert (row["status"], row["http_status"], row["error_code"]) == ("failed", 502, "upstream_error")
    assert (row["input_tokens"], row["output_tokens"]) == (data.tokens.input, data.tokens.output)
    assert row["cost_nano_usd"] == int(data.cost_nano_usd)
    assert row["lines"] == [{"kind": each.kind, "quantity": each.quantity, "price": each.price} for each in data.lines]
    assert row["first_token_ms"] is None


async def test_everything_twice_and_out_of_order_is_entered_once(sessions: Sessions, assert_sound: AssertSound) -> None:
    events = _events(400)
    sent = events + events
    random.Random(2).shuffle(sent)
    for start in range(0, len(sent), 50):
        await service.record_usage(sessions, sent[start : start + 50])
    await assert_sound(400)


async def test_a_repetition_within_one_batch_is_entered_once(sessions: Sessions, assert_sound: AssertSound) -> None:
    event = usage_event(time=_NOON)
    assert (await service.record_usage(sessions, [event, event, event])).calls == 1
    await assert_sound(1)


async def test_writers_at_once_enter_each_call_once_and_do_not_deadlock(
    sessions: Sessions, assert_sound: AssertSound
) -> None:
    events = _events(600)

    async def write(seed: int) -> int:
        mine = events.copy()
        random.Random(seed).shuffle(mine)
        return sum([(await service.record_usage(sessions, mine[at : at + 60])).calls for at in range(0, 600, 60)])

    recorded = await asyncio.gather(*(write(seed) for seed in range(6)))
    assert sum(recorded) == 600
    await assert_sound(600)


async def test_of_two_contents_the_first_stands_and_is_counted(sessions: Sessions, assert_sound: AssertSound) -> None:
    def conflicts() -> float:
        return REGISTRY.get_sample_value("omg_ledger_conflicts_total") or 0

    first = usage_event(time=_NOON, output_tokens=10)
    second = usage_event(call_id=first.id, time=_NOON, output_tokens=99)
    await service.record_usage(sessions, [first])
    before = conflicts()
    assert (await service.record_usage(sessions, [first])).calls == 0
    assert conflicts() == before
    assert (await service.record_usage(sessions, [second, usage_event(time=_NOON)])).calls == 1
    assert conflicts() == before + 1
    async with sessions() as session:
        tokens = text("SELECT output_tokens FROM ledger.usage_entries WHERE call_id = :id")
        assert await session.scalar(tokens, {"id": first.id}) == 10
    await assert_sound(2)


async def test_sums_beyond_a_bigint_are_kept_exactly(sessions: Sessions, assert_sound: AssertSound) -> None:
    largest = 10**18 - 1
    events = [usage_event(time=_NOON, input_tokens=2**53, cost_nano_usd=str(largest)) for _ in range(2000)]
    await service.record_usage(sessions, events)
    async with sessions() as session:
        row = (await session.execute(text("SELECT input_tokens, cost_nano_usd FROM ledger.usage_hourly"))).one()
    assert (int(row.input_tokens), int(row.cost_nano_usd)) == (2000 * 2**53, 2000 * largest)
    await assert_sound(2000)


@pytest.mark.parametrize("year", [1, 1969, 2000, 2200, 9999])
async def test_an_odd_date_blocks_nothing(sessions: Sessions, assert_sound: AssertSound, year: int) -> None:
    odd = usage_event(time=datetime(year, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
    await service.record_usage(sessions, [odd, usage_event(time=_NOON)])
    await assert_sound(2)


async def test_the_audit_sees_every_kind_of_difference(sessions: Sessions) -> None:
    await service.record_usage(sessions, _events(50))
    tampering = (
        "UPDATE ledger.usage_hourly SET cost_nano_usd = cost_nano_usd + 1 WHERE ctid IN"
        " (SELECT ctid FROM ledger.usage_hourly LIMIT 1)",
        "DELETE FROM ledger.usage_hourly WHERE ctid IN (SELECT ctid FROM ledger.usage_hourly LIMIT 1)",
        "DELETE FROM ledger.usage_entries WHERE (tenant_id, key_id, alias) IN"
        " (SELECT tenant_id, key_id, alias FROM ledger.usage_entries LIMIT 1)",
    )
    for statement in tampering:
        async with sessions() as session:
            assert await find_differences(session) == []
            await session.execute(text(statement))
            (difference, *_) = await find_differences(session)
            assert difference.hourly != difference.entries
            await session.rollback()


async def test_a_row_that_postgres_refuses_is_a_permanent_failure(sessions: Sessions) -> None:
    # Names of random four-byte characters, each within its bound: together they are too long for an index.
    choose = random.Random(3)
    long = ["".join(chr(choose.randrange(0x10000, 0x1FFFF)) for _ in range(256)) for _ in range(5)]
    event = usage_event(tenant_id=long[0], key_id=long[1], alias=long[2], provider=long[3], model=long[4])
    with pytest.raises(PermanentError):
        await UsageHandler(sessions, tell=_nobody)([event])


async def test_a_missing_table_or_server_is_a_transient_failure(sessions: Sessions, postgres_url: str) -> None:
    async with sessions.begin() as session:
        await session.execute(text("ALTER TABLE ledger.usage_hourly RENAME TO elsewhere"))
    with pytest.raises(TransientError):
        await UsageHandler(sessions, tell=_nobody)([usage_event()])
    for url in ("postgresql://postgres:x@127.0.0.1:1/postgres", postgres_url.rpartition("/")[0] + "/nowhere"):
        engine = create_engine(url, name="test")
        with pytest.raises(TransientError):
            await UsageHandler(create_sessions(engine), tell=_nobody)([usage_event()])
        await engine.dispose()


async def test_a_lock_that_is_not_had_in_time_is_a_transient_failure(ledger_url: str, sessions: Sessions) -> None:
    event = usage_event(time=_NOON)
    engine = create_engine(ledger_url, name="test")
    async with sessions.begin() as session:
        await session.execute(text("LOCK TABLE ledger.usage_hourly IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(TransientError):
            await UsageHandler(create_sessions(engine), tell=_nobody)([event])
    assert (await service.record_usage(sessions, [event])).calls == 1
    await engine.dispose()


async def test_a_key_was_last_used_when_its_latest_call_began(sessions: Sessions) -> None:
    """Whichever order calls come in, and however often."""
    hour = timedelta(hours=1)
    calls = [usage_event(time=_NOON + offset, key_id="key_a") for offset in (hour, 2 * hour, timedelta())]
    other = usage_event(time=_NOON, key_id="key_b")

    for batch in ([calls[1], other], [calls[0], calls[2]], calls):
        await service.record_usage(sessions, batch)

    async with sessions() as session:
        found = (await session.execute(text("SELECT key_id, last_used_at FROM ledger.key_activity"))).all()
    assert {row.key_id: row.last_used_at for row in found} == {"key_a": _NOON + 2 * hour, "key_b": _NOON}
