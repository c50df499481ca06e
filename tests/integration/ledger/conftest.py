"""A migrated database, what is needed to look into it, and a tenant with budgets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from tests.integration.ledger.books import Books, Rig

from admin_api.ledger.audit import find_coarse_differences, find_differences
from admin_api.migrations import MIGRATIONS, SCHEMAS
from common.bus.connection import Bus
from common.bus.streams import ensure_buckets, ensure_streams
from common.db.engine import Sessions, create_engine, create_sessions
from common.db.migrate import upgrade
from edge_proxy.limits.redis import RedisLimitStore

MakeDatabase = Callable[[], Awaitable[str]]


@pytest.fixture
async def ledger_url(make_database: MakeDatabase) -> str:
    url = await make_database()
    await asyncio.to_thread(upgrade, url=url, migrations=MIGRATIONS, schemas=SCHEMAS)
    return url


@pytest.fixture
async def sessions(ledger_url: str) -> AsyncIterator[Sessions]:
    engine = create_engine(ledger_url, name="test", pool_size=10)
    yield create_sessions(engine)
    await engine.dispose()


@pytest.fixture
async def assert_sound(sessions: Sessions) -> Callable[[int], Awaitable[None]]:
    """Fails unless the ledger holds exactly so many calls and every hourly sum is the sum of its entries."""

    async def check(calls: int) -> None:
        async with sessions() as session:
            assert await session.scalar(text("SELECT count(*) FROM ledger.usage_entries")) == calls
            assert await session.scalar(text("SELECT count(DISTINCT call_id) FROM ledger.usage_entries")) == calls
            assert await session.scalar(text("SELECT coalesce(sum(requests), 0) FROM ledger.usage_hourly")) == calls
            assert await find_differences(session) == []
            assert await find_coarse_differences(session) == 0

    return check


@pytest.fixture
async def books(sessions: Sessions) -> Books:
    books = Books(sessions)
    await books.open()
    return books


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
