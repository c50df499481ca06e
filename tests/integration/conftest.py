"""What the integration tests of schema owners share: a migrated database of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import DeclarativeBase

from common.db.engine import create_engine
from common.db.migrate import upgrade

MigratedEngine = Callable[..., Awaitable[AsyncEngine]]
Keep = Callable[[AsyncEngine, DeclarativeBase], Awaitable[None]]


@pytest.fixture
async def migrated_engine(make_database: Callable[[], Awaitable[str]]) -> AsyncIterator[MigratedEngine]:
    """Makes an empty database, brings it up to date, and opens an engine on it."""
    engines: list[AsyncEngine] = []

    async def make(*, migrations: Path, schemas: Sequence[str]) -> AsyncEngine:
        url = await make_database()
        await asyncio.to_thread(upgrade, url=url, migrations=migrations, schemas=schemas)
        engines.append(create_engine(url, name="test"))
        return engines[-1]

    yield make
    for engine in engines:
        await engine.dispose()


@pytest.fixture
def keep() -> Keep:
    """Inserts one row in a transaction of its own."""

    async def insert(engine: AsyncEngine, row: DeclarativeBase) -> None:
        async with AsyncSession(engine) as session, session.begin():
            session.add(row)

    return insert
