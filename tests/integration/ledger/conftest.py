"""A migrated database, and what is needed to look into it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text

from admin_api.ledger.audit import find_differences
from admin_api.migrations import MIGRATIONS, SCHEMAS
from common.db.engine import Sessions, create_engine, create_sessions
from common.db.migrate import upgrade

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

    return check
