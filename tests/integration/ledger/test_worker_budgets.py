"""Workers as they run, with budgets: everything twice, to two of them; Redis emptied and killed; facts on their stream."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
from nats.js.errors import KeyNotFoundError, NotFoundError
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import text
from tests.integration.ledger.books import Books

from admin_api.budgets import repository
from admin_api.database import outbox
from admin_api.ledger.budgets import period_of
from admin_api.ledger.worker import create_worker
from admin_api.locks import RELAY_LOCK
from admin_api.settings import WorkerSettings
from common.bus.connection import Bus
from common.bus.streams import ensure_buckets, ensure_streams
from common.clock import utc_now
from common.db.engine import Sessions, create_engine
from common.events import subjects
from common.events.budgets import ThresholdCrossed
from common.events.control import SpendRecord
from common.events.envelope import Envelope
from common.events.usage import UsageEnvelope
from common.lifecycle import TaskOwner
from common.limits.keys import budget_keys
from common.outbox.relay import Relay
from common.testing.usage_events import usage_message
from devstack.servers.nats import NatsServer
from devstack.servers.valkey import ValkeyServer


class Works:
    """Two workers, the relay, and the servers around them."""

    def __init__(self, sessions: Sessions, bus: Bus, valkey: ValkeyServer) -> None:
        self.books = Books(sessions)
        self._sessions = sessions
        self.bus = bus
        self.valkey = valkey

    async def publish(self, calls: list[UsageEnvelope], *, times: int = 1) -> None:
        for _ in range(times):
            for start in range(0, len(calls), 10):
                message = usage_message(calls[start : start + 10])
                await self.bus.jetstream().publish(subjects.USAGE_RECORDED, message)

    async def are_entered(self, calls: int) -> bool:
        """And acknowledged."""
        async with self._sessions() as session:
            entered = await session.scalar(text("SELECT count(*) FROM ledger.usage_entries"))
        try:
            info = await self.bus.jetstream().consumer_info(subjects.USAGE_STREAM, subjects.LEDGER_CONSUMER)
        except NotFoundError:  # no worker has bound yet
            return False
        return entered == calls and not info.num_ack_pending and not info.num_pending

    async def confirmed(self, budget: str) -> int:
        async with self._sessions() as session:
            record = (await repository.records(session, [budget]))[0]
        async with Redis.from_url(self.valkey.url) as redis:
            name, _ = budget_keys(budget, period_of(record, utc_now()).name)
            return int(await redis.hget(name, "confirmed") or 0)

    async def published(self, budget: str) -> list[str]:
        """This period's sum and the next one's, as the edges hear of them; nothing if they have not."""
        bucket = await self.bus.jetstream().key_value(subjects.SPEND_BUCKET)
        try:
            value = (await bucket.get(budget)).value
        except KeyNotFoundError:
            return []
        assert value is not None
        return list(msgspec.json.decode(value, type=SpendRecord).periods.values())


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Redis of the test's own, which it may empty and kill."""
    with ValkeyServer(tmp_path / "valkey") as server:
        yield server


@pytest.fixture
async def works(
    request: pytest.FixtureRequest, ledger_url: str, sessions: Sessions, nats_server: NatsServer, valkey: ValkeyServer
) -> AsyncIterator[Works]:
    """Reconciled all the time, or every so many seconds as a test says."""
    settings = WorkerSettings(
        database_url=SecretStr(ledger_url),
        nats_url=SecretStr(nats_server.url),
        redis_url=SecretStr(valkey.url),
        budget_reconcile_seconds=getattr(request, "param", 0.3),
    )
    bus = Bus(url=nats_server.url, name="test")
    await bus.start()
    await bus.connected(timeout=10)
    await ensure_streams(bus.jetstream(), replicas=1)
    await ensure_buckets(bus.jetstream(), replicas=1)
    engine = create_engine(ledger_url, name="test")
    relay = Relay(engine=engine, outbox=outbox, bus=bus, lock=RELAY_LOCK)
    async with AsyncExitStack() as running:
        tasks = await running.enter_async_context(TaskOwner())
        tasks.keep_running("relay", relay.run)
        for _ in range(2):
            app = create_worker(settings)
            await running.enter_async_context(app.router.lifespan_context(app))
        works = Works(sessions, bus, valkey)
        await works.books.open()
        yield works
    await engine.dispose()
    await bus.close()


async def soon(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_everything_twice_to_two_workers_is_spent_once_and_everybody_hears_of_it(works: Works) -> None:
    month = await works.books.budget("tenant", amount=1000)
    week = await works.books.budget("key", schedule="rolling_7d")
    facts = await works.bus.jetstream().subscribe(subjects.BUDGET_SUBJECTS, ordered_consumer=True)
    await works.publish([works.books.call(7, utc_now()) for _ in range(200)], times=2)
    await soon(lambda: works.are_entered(200))
    assert (await works.books.spent(month, utc_now()), await works.books.rows(week)) == (1400, [1400, 1400])

    async def is_told() -> bool:
        told = [await works.confirmed(budget) for budget in (month, week)]
        return told == [1400, 1400] and await works.published(month) == ["1400", "0"]

    await soon(is_told)
    assert await works.published(week) == ["1400", "1400"]
    said = [
        msgspec.json.decode((await facts.next_msg(timeout=5)).data, type=Envelope[ThresholdCrossed]) for _ in range(2)
    ]
    assert [(fact.type, fact.data.budget_id, fact.data.level) for fact in said] == [
        (subjects.BUDGET_THRESHOLD_CROSSED, month, 80),
        (subjects.BUDGET_THRESHOLD_CROSSED, month, 100),
    ]
    assert (await works.bus.jetstream().stream_info(subjects.BUDGET_STREAM)).state.messages == 2


async def test_an_emptied_redis_fills_by_itself(works: Works) -> None:
    budget = await works.books.budget("tenant")
    await works.publish([works.books.call(7, utc_now()) for _ in range(10)])

    async def is_told() -> bool:
        return await works.confirmed(budget) == 70

    await soon(is_told)
    async with Redis.from_url(works.valkey.url) as redis:
        await redis.flushall()
        assert await works.confirmed(budget) in {0, 70}
    await soon(is_told)


async def test_calls_are_entered_and_edges_hear_of_it_while_redis_is_away(works: Works) -> None:
    budget = await works.books.budget("tenant")
    works.valkey.kill()
    await works.publish([works.books.call(7, utc_now()) for _ in range(100)])
    await soon(lambda: works.are_entered(100))

    async def edges_have_it() -> bool:
        return await works.published(budget) == ["700", "0"]

    await soon(edges_have_it)
    works.valkey.start()

    async def redis_has_it() -> bool:
        return await works.confirmed(budget) == 700

    await soon(redis_has_it)


@pytest.mark.parametrize("works", [3600], indirect=True)
async def test_edges_hear_at_once_what_was_spent_before_a_budget_was_made(works: Works) -> None:
    await works.publish([works.books.call(7, utc_now()) for _ in range(100)])
    await soon(lambda: works.are_entered(100))
    budget = await works.books.budget("tenant")
    await (await works.bus.jetstream().key_value(subjects.BUDGETS_BUCKET)).put(
        budget, b"{}"
    )  # as admin-api's relay does

    async def edges_have_it() -> bool:
        return await works.published(budget) == ["700", "0"]

    await soon(edges_have_it)
