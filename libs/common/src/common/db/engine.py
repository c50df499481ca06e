"""Engine and sessions. One use case, one transaction: `async with sessions.begin() as session`."""

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Dialect, ExceptionContext, MetaData, event, exc, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from common.db.errors import DatabaseUnavailableError, is_transient, unavailable

Sessions = async_sessionmaker[AsyncSession]
DIALECT: Final = "postgresql+asyncpg://"

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


def driver_url(url: str) -> str:
    """`url` for the driver's `dsn`, whichever of the usual schemes it has.

    The driver gets it whole, because it reads a URL as every Postgres client does: with `sslmode`, `sslrootcert`, several hosts
    and Unix sockets, of which SQLAlchemy's own URLs know nothing. The engine's URL is just `DIALECT`.
    """
    return re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)


def create_engine(url: str, *, name: str, pool_size: int = 10) -> AsyncEngine:
    """An engine with bounded waits everywhere: connect 5 s, pool 5 s, statement 30 s, lock 5 s.

    Failure policy: a connection that died is noticed before use (pre-ping); what cannot be had in time raises
    `DatabaseUnavailableError`, counted in `omg_database_unavailable_total`, and the caller answers 503 or redelivers.
    """
    engine = create_async_engine(
        DIALECT,
        poolclass=_Pool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
        connect_args={
            "dsn": driver_url(url),
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
    event.listen(engine.sync_engine, "do_connect", _connect)
    event.listen(engine.sync_engine, "handle_error", _translate)
    return engine


class _Pool(AsyncAdaptedQueuePool):
    """A pool that says "unavailable" when no connection came free in time."""

    _sqla_logger_namespace = (
        "sqlalchemy.pool.AsyncAdaptedQueuePool"  # its chatter stays below SQLAlchemy's own threshold
    )

    def _do_get(self) -> ConnectionPoolEntry:
        try:
            return super()._do_get()
        except exc.TimeoutError as error:
            unavailable.labels(cause="pool").inc()
            raise DatabaseUnavailableError("no database connection came free in time") from error


def _connect(
    dialect: Dialect, _entry: ConnectionPoolEntry, args: list[Any], options: dict[str, Any]
) -> DBAPIConnection:
    """Connect; whatever goes wrong then (refused, timed out, wrong password), there is no Postgres to use."""
    try:
        return dialect.connect(*args, **options)
    except Exception as error:
        unavailable.labels(cause="connect").inc()
        raise DatabaseUnavailableError(f"Postgres cannot be reached: {type(error).__name__}") from error


def _translate(context: ExceptionContext) -> None:
    original = context.original_exception
    sqlstate = getattr(original, "sqlstate", None)
    # The pre-ping must see its own error: it answers it with a fresh connection. And a cancellation, which ends the connection
    # too, stays a cancellation.
    if context.is_pre_ping or not isinstance(original, Exception) or isinstance(original, DatabaseUnavailableError):
        return
    if context.is_disconnect or is_transient(sqlstate) or isinstance(original, OSError):
        unavailable.labels(cause="statement").inc()
        raise DatabaseUnavailableError(f"Postgres did not finish a statement: {sqlstate or type(original).__name__}")


def create_sessions(
    engine: AsyncEngine, *, session_class: type[Session] = Session, info: Mapping[str, Any] | None = None
) -> Sessions:
    """`session_class` is what listeners of a service are attached to, `info` what they find in every session."""
    return async_sessionmaker(engine, expire_on_commit=False, sync_session_class=session_class, info=dict(info or {}))


async def ping(engine: AsyncEngine) -> None:
    """A readiness check: one round trip. Raises `DatabaseUnavailableError` when Postgres does not answer."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
