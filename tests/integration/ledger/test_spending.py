"""Redis and the edges hear what budgets have spent, and are put right when they have it wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from tests.integration.ledger.test_budgets import Books

from admin_api.budgets import repository
from admin_api.ledger import service
from admin_api.ledger.budgets import period_of
from admin_api.ledger.spending import SpendTeller
from common.bus.connection import Bus
from common.bus.streams import ensure_buckets, ensure_streams
from common.clock import utc_now
from common.db.engine import Sessions
from common.events.control import BudgetRecord, SpendRecord
from common.events.subjects import SPEND_BUCKET
from common.limits.confirm import confirm
from common.limits.keys import budget_keys
from edge_proxy.limits.port import BudgetClaim, Granted
from edge_proxy.limits.redis import RedisLimitStore

pytestmark = pytest.mark.data_layer


class Rig:
    def __init__(self, sessions: Sessions, bus: Bus, redis: Redis, store: RedisLimitStore) -> None:
        self.books = Books(sessions)
        self._sessions = sessions
        self._bus = bus
        self.redis = redis
        self.store = store
        self.teller = SpendTeller(sessions=sessions, bus=bus, redis=redis, clock=utc_now, reconcile_s=3600)

    async def record(self, budget: str) -> BudgetRecord:
        async with self._sessions() as session:
            return (await repository.records(session, [budget]))[0]

    async def call(self, budget: str, cost: int, *, tell: bool = True) -> None:
        """As it happens: reserved and settled by an edge, then entered by the worker."""
        event = self.books.call(cost, utc_now())
        claim = BudgetClaim(budget, period_of(await self.record(budget), utc_now()).name, 10**12, 2 * cost, 0, True)
        outcome = await self.store.reserve(event.id, [], [claim])
        assert isinstance(outcome, Granted)
        self.store.settle(outcome.reservation, tokens=0, cost=cost)
        await self.store.drain(within=5)
        recorded = await service.record_usage(self._sessions, [event])
        if tell:
            self.teller.tell(recorded.spending)

    async def in_redis(self, budget: str) -> tuple[int, int]:
        """Spent and reserved."""
        period = period_of(await self.record(budget), utc_now()).name
        told = await confirm(self.redis, budget_id=budget, period=period, spent_absolute=0, call_ids=[])
        return told.spent, told.reserved

    async def lose(self, budget: str) -> None:
        period = period_of(await self.record(budget), utc_now()).name
        await self.redis.delete(*budget_keys(budget, period))

    async def open_calls(self, budget: str) -> int:
        period = period_of(await self.record(budget), utc_now()).name
        fields: list[Any] = await self.redis.hkeys(budget_keys(budget, period)[0])
        return sum(field.startswith(b"c:") for field in fields)

    async def published(self, budget: str) -> dict[str, str]:
        bucket = await self._bus.jetstream().key_value(SPEND_BUCKET)
        value = (await bucket.get(budget)).value
        assert value is not None
        return dict(msgspec.json.decode(value, type=SpendRecord).periods)


@pytest.fixture
async def rig(sessions: Sessions, nats_url: str, redis_url: str) -> AsyncIterator[Rig]:
    bus = Bus(url=nats_url, name="test")
    await bus.start()
    await bus.connected(timeout=10)
    await ensure_streams(bus.jetstream(), replicas=1)
    await ensure_buckets(bus.jetstream(), replicas=1)
    store = RedisLimitStore(redis_url, timeout_s=5)
    running = asyncio.create_task(store.run())
    await store.connected()
    async with Redis.from_url(redis_url) as redis:
        rig = Rig(sessions, bus, redis, store)
        await rig.books.open()
        yield rig
    running.cancel()
    await asyncio.wait([running])
    await bus.close()


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
    await rig.teller.reconcile()
    assert set((await rig.published(budget)).values()) == {"700"}


async def test_what_redis_lost_is_there_again(rig: Rig) -> None:
    budget = await rig.books.budget("key")
    await rig.call(budget, 700)
    await rig.teller.reconcile()
    await rig.lose(budget)
    assert await rig.in_redis(budget) == (0, 0)
    await rig.teller.reconcile()
    assert await rig.in_redis(budget) == (700, 0)


async def test_calls_that_a_dead_worker_did_not_confirm_count_once(rig: Rig) -> None:
    budget = await rig.books.budget("key")
    await rig.call(budget, 700, tell=False)
    await rig.call(budget, 30)
    assert await rig.open_calls(budget) == 2
    await rig.teller.reconcile()
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
    await rig.teller.reconcile()
    assert await rig.in_redis(budget) == (20, 50)
    rig.store.cancel(running.reservation)
