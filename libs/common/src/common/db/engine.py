"""Engine and sessions. One use case, one transaction: `async with sessions.begin() as session`."""

import re
from typing import Final

from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

Sessions = async_sessionmaker[AsyncSession]

_NAMING: Final = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


def schema_metadata(schema: str) -> MetaData:
    """The metadata of a service's models: everything in its one schema, constraints named as Postgres would."""
    return MetaData(schema=schema, naming_convention=_NAMING)


def async_url(url: str) -> str:
    """`postgresql://…` (or `postgres://…`) for the asyncpg dialect."""
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+asyncpg://", url)


def create_engine(url: str, *, name: str, pool_size: int = 10) -> AsyncEngine:
    """An engine with bounded waits everywhere: connect 5 s, pool 5 s, statement 30 s, lock 5 s.

    Failure policy: a connection that died is noticed before use (pre-ping); what cannot be had in time raises, and the caller
    answers 503 or redelivers.
    """
    return create_async_engine(
        async_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
        connect_args={
            "timeout": 5,
            "server_settings": {
                "application_name": name,
                "statement_timeout": "30000",
                "lock_timeout": "5000",
                "idle_in_transaction_session_timeout": "60000",
                "timezone": "UTC",
            },
        },
    )


def create_sessions(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False)


async def ping(engine: AsyncEngine) -> None:
    """A readiness check: one round trip. Raises the driver's error when Postgres does not answer."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
