"""Redis and the edges hear what budgets have spent, and are put right when they have it wrong."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from tests.integration.ledger.books import Rig

from admin_api.ledger import service
from admin_api.ledger.budgets import period_of
from admin_api.ledger.spending import SpendTeller
from common.bus.connection import Bus
from common.bus.streams import ensure_buckets
from common.clock import utc_now
from common.db.engine import Sessions
from common.events.control import BudgetRecord, SpendRecord
from common.events.subjects import SPEND_BUCKET
from devstack.ports import free_port
from devstack.servers.nats import NatsServer
from edge_proxy.limits.port import BudgetClaim, Granted

pytestmark = pytest.mark.data_layer


async def soon(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_redis_and_the_edges_hear_of_it(rig: Rig) -> None:
    budget = await rig.books.budget("tenant")
    await rig.call(budget, 700)
    await rig.call(budget, 55)
    running = asyncio.create_task(rig.teller.run())

    async def told() -> bool:
        return await rig.open_calls(budget) == 0 and await rig.in_redis(budget) == (755, 0)

    await soon(told)
    period = period_of(await rig.record(budget), utc_now())
    assert period.end is not None
    following = period_of(await rig.record(budget), period.end).name
    assert await rig.published(budget) == {period.name: "755", following: "0"}
    running.cancel()
    await asyncio.wait([running])


async def test_a_rolling_budgets_next_day_begins_with_what_still_counts(rig: Rig) -> None:
    budget = await rig.books.budget("tenant", schedule="rolling_7d")
    await rig.call(budget, 700)
    await rig.reconcile()
    assert set((await rig.published(budget)).values()) == {"700"}


async def test_what_redis_lost_is_there_again(rig: Rig) -> None:
    budget = await rig.books.budget("key")
    await rig.call(budget, 700)
    await rig.reconcile()
    await rig.lose(budget)
    assert await rig.in_redis(budget) == (0, 0)
    await rig.reconcile()
    assert await rig.in_redis(budget) == (700, 0)


async def test_calls_that_a_dead_worker_did_not_confirm_count_once(rig: Rig) -> None:
    budget = await rig.books.budget("key")
    await rig.call(budget, 700, tell=False)
    await rig.call(budget, 30)
    assert await rig.open_calls(budget) == 2
    await rig.reconcile()
    assert await rig.open_calls(budget) == 0
    assert await rig.in_redis(budget) == (730, 0)


async def test_calls_that_the_ledger_does_not_have_yet_stay(rig: Rig) -> None:
    budget = await rig.books.budget("key")
    claim = BudgetClaim(budget, period_of(await rig.record(budget), utc_now()).name, 10**12, 50, 0, True)
    running = await rig.store.reserve(rig.books.call(1).id, [], [claim])
    ended = await rig.store.reserve(rig.books.call(1).id, [], [claim])
    assert isinstance(running, Granted)
    assert isinstance(ended, Granted)
    rig.store.settle(ended.reservation, tokens=0, cost=20)
    await rig.store.drain(within=5)
    await rig.reconcile()
    assert await rig.in_redis(budget) == (20, 50)
    rig.store.cancel(running.reservation)


async def test_the_edges_hear_of_it_while_redis_is_away_and_redis_afterwards(rig: Rig, sessions: Sessions) -> None:
    budget = await rig.books.budget("tenant")
    port = free_port()
    async with Redis.from_url(f"redis://127.0.0.1:{port}") as away:
        teller = SpendTeller(sessions=sessions, bus=rig.bus, redis=away, clock=utc_now)
        event = rig.books.call(700, utc_now())
        teller.tell((await service.record_usage(sessions, [event])).spending)
        await teller.flush()
        assert "700" in (await rig.published(budget)).values()
        assert await rig.in_redis(budget) == (0, 0)
        teller._redis = rig.redis
        await teller.flush()
    assert await rig.in_redis(budget) == (700, 0)


async def test_redis_hears_of_it_while_nats_is_away_and_the_edges_afterwards(
    rig: Rig, sessions: Sessions, nats_server: NatsServer
) -> None:
    budget = await rig.books.budget("tenant")
    bus = Bus(url=nats_server.url, name="test")
    await bus.start()
    await bus.connected(timeout=10)
    await ensure_buckets(bus.jetstream(), replicas=1)
    nats_server.kill()
    teller = SpendTeller(sessions=sessions, bus=bus, redis=rig.redis, clock=utc_now)
    teller.tell((await service.record_usage(sessions, [rig.books.call(700, utc_now())])).spending)
    await teller.flush()
    assert await rig.in_redis(budget) == (700, 0)
    nats_server.start()
    await bus.connected(timeout=10)
    await teller.flush()
    value = (await (await bus.jetstream().key_value(SPEND_BUCKET)).get(budget)).value
    assert value is not None
    assert "700" in msgspec.json.decode(value, type=SpendRecord).periods.values()
    await bus.close()


async def test_an_older_sum_does_not_replace_a_newer_one(rig: Rig, sessions: Sessions) -> None:
    """One worker has read the sum and is slow to tell it; another one enters a call and tells meanwhile."""
    budget = await rig.books.budget("tenant")
    await rig.call(budget, 700)

    class Slow(SpendTeller):
        async def records(self, budgets: Sequence[BudgetRecord], *, now: datetime) -> dict[str, bytes]:
            old = await super().records(budgets, now=now)
            if await rig.books.spent(budget, now) == 700:
                await rig.call(budget, 55)
                assert await rig.teller.flush()
            return old

    slow = Slow(sessions=sessions, bus=rig.bus, redis=rig.redis, clock=utc_now)
    slow.tell((await service.record_usage(sessions, [rig.books.call(0, utc_now())])).spending)
    assert not await slow.flush()
    assert "755" in (await rig.published(budget)).values()
    assert await slow.flush()
    assert "755" in (await rig.published(budget)).values()
