"""Under load, everything is killed in turn; afterwards the ledger holds every call that reached the provider exactly once."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.chaos.load import DOWN_S, PAUSE_S, Load

from admin_api.ledger.audit import find_differences
from common.db.engine import create_engine, create_sessions
from common.limits.confirm import confirm

CALLERS = 50


async def kill_for_a_while(victim: Any) -> tuple[float, float]:
    """Kill, leave dead, start again; returns from when until when it was surely down."""
    await asyncio.to_thread(victim.kill)
    down = time.monotonic()
    await asyncio.sleep(DOWN_S)
    up = time.monotonic()
    await asyncio.to_thread(victim.start)
    if hasattr(victim, "ready"):
        await victim.ready()
    await asyncio.sleep(PAUSE_S)
    return down, up


@pytest.mark.timeout(240)
async def test_everything_is_killed_in_turn_and_the_ledger_is_exact(stack: Any) -> None:
    load = Load(stack, callers=CALLERS)
    running = asyncio.create_task(load.run())
    await asyncio.sleep(PAUSE_S)
    victims = [stack.services["worker"], stack.nats, stack.postgres, stack.services["admin-api"]]
    for victim in victims:
        down, up = await kill_for_a_while(victim)
        calls = load.within(down, up)
        assert calls
        assert [call.what for call in calls if not call.ok][:3] == []
    down, up = await kill_for_a_while(stack.services["edge-1"])
    survivors = [call for call in load.within(down, up) if call.edge == stack.edges[1]]
    assert survivors
    assert all(call.ok for call in survivors)
    # Once more, with the way to the ledger cut: what the edge has not published yet must survive it too.
    await asyncio.to_thread(stack.nats.kill)
    await asyncio.sleep(1)
    await asyncio.to_thread(stack.services["edge-2"].kill)
    await asyncio.to_thread(stack.nats.start)
    stack.services["edge-2"].start()
    await stack.services["edge-2"].ready()
    load.going = False
    await running

    reached = [call["request_id"] for call in stack.provider_calls() if call["path"] == "/v1/chat/completions"]
    assert len(reached) == len(set(reached)), "the edge sent a call twice"
    await all_settled(stack, set(reached))
    rows = await stack.ledger("SELECT * FROM ledger.usage_entries")
    counts = Counter(row["call_id"] for row in rows)
    assert [call for call, count in counts.items() if count > 1] == []
    assert set(reached) - set(counts) == set(), "calls that reached the provider are missing"
    interrupted = {row["call_id"] for row in rows if row["status"] == "interrupted"}
    assert set(counts) - set(reached) <= interrupted, "calls that reached nobody are billed as if they had"
    # The bound of docs/adr/0006: what was in flight at the two kills of an edge, and no more.
    assert len(interrupted) <= 2 * CALLERS
    succeeded = sum(outcome.ok for outcome in load.outcomes)
    assert succeeded <= len(counts) - len(interrupted)
    await tokens_are_the_providers(stack, rows)
    await the_rollup_adds_up(stack)
    await the_budget_adds_up(stack, sum(row["cost_nano_usd"] for row in rows))


async def all_settled(stack: Any, expected: set[str]) -> None:
    """Wait until the ledger has what the provider saw, or a generous time has passed."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            found = {row["call_id"] for row in await stack.ledger("SELECT call_id FROM ledger.usage_entries")}
        except OSError:
            found = set()
        if expected <= found:
            break
        await asyncio.sleep(0.5)
    await asyncio.sleep(2)  # a second copy of anything would arrive now


async def tokens_are_the_providers(stack: Any, rows: list[Any]) -> None:
    """Of every call that ended well, tokens and cost are what the provider counted."""
    counted = {call["request_id"]: call["tokens"] for call in stack.provider_calls()}
    for row in rows:
        if row["status"] == "succeeded":
            tokens = counted[row["call_id"]]
            assert (row["input_tokens"], row["output_tokens"]) == (tokens["input"], tokens["output"])
            uncached = tokens["input"] - tokens["cached_input"]
            assert row["cost_nano_usd"] == uncached * 150 + tokens["cached_input"] * 75 + tokens["output"] * 600


async def the_rollup_adds_up(stack: Any) -> None:
    engine = create_engine(stack.database_url, name="audit")
    try:
        async with create_sessions(engine)() as session:
            assert await find_differences(session) == []
    finally:
        await engine.dispose()


async def the_budget_adds_up(stack: Any, spent: int) -> None:
    """In the ledger, and in Redis too: nothing of a killed edge or worker stays counted twice, or reserved."""
    [row] = await stack.ledger("SELECT period_start, spent_nano_usd FROM ledger.budget_periods")
    assert row["spent_nano_usd"] == spent
    async with Redis.from_url(stack.valkey.url) as redis, asyncio.timeout(60):
        while True:
            told = await confirm(
                redis, budget_id=stack.budget, period=row["period_start"].isoformat(), spent_absolute=0, call_ids=[]
            )
            if (told.spent, told.reserved) == (spent, 0):
                break
            await asyncio.sleep(1)
