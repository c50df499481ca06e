"""The task that empties an outbox: it puts and deletes KV records and publishes messages, and marks each row done.

One relay works at a time over all replicas of a service: a batch is done under a session-level advisory lock of Postgres. What
keeps the order per record, also against a relay that lost its lock without noticing (its Postgres restarted while its NATS
was slow), is the sequence of a batch:

1. read the pending rows, and of each record they are about the revision that is in the bucket now;
2. ask Postgres once more, on the connection that holds the lock, which of the rows are still pending: the lock was ours up to here;
3. write, on condition that the record still has the revision of step 1. If another relay wrote after step 2, this fails and is
   tried again from step 1;
4. mark what was acknowledged as done.

A relay that dies between 3 and 4 leaves rows that are written again: records are whole each time, messages carry an id that
JetStream deduplicates.

Failure policy: Postgres or NATS away: rows wait, the relay tries again for ever (`omg_outbox_pending`,
`omg_outbox_relay_failures_total`). A row that NATS refuses holds up only rows of its own record (or later messages).
Session-level locks need a connection of their own: a pooler between this and Postgres must be in session mode.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from prometheus_client import Counter, Gauge
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from common.bus.connection import Bus
from common.logging import get_logger
from common.outbox.batch import RETRYABLE, Row, relay_batch
from common.outbox.table import Entry, Kind, Outbox

BATCH_ROWS: Final = 200
_POLL_S: Final = 1.0
_BUSY_PAUSE_S: Final = 0.03
_SHORTEST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 3.2
_FOREIGN_CHECK_S: Final = 0.2
_KEEP_DONE: Final = timedelta(days=1)
_CLEAN_EVERY_S: Final = 600.0
_CLEAN_ROWS: Final = 5_000

_log = get_logger(__name__)
_pending = Gauge("omg_outbox_pending", "Outbox rows that have not left yet, as of the last look.")
_relayed = Counter("omg_outbox_relayed_total", "Outbox rows that left.", ["kind"])
_failures = Counter("omg_outbox_relay_failures_total", "Rows and batches that have to be tried again.", ["cause"])


class NotFlushedError(Exception):
    """Rows did not leave in time; they will."""


@dataclass(slots=True, eq=False)
class _Waiter:
    remaining: set[int]
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def settle(self, ids: Iterable[int]) -> None:
        self.remaining.difference_update(ids)
        if not self.remaining:
            self.done.set()


class Relay:
    """`run` in the background, `wake` after a commit, `flushed` where a caller must know that NATS has it."""

    def __init__(self, *, engine: AsyncEngine, outbox: Outbox, bus: Bus, lock: int) -> None:
        """`lock` is the advisory lock's key: one per outbox table of the database."""
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._table = outbox.table
        self._bus = bus
        self._lock = lock
        self._woken = asyncio.Event()
        self._waiters: set[_Waiter] = set()
        self._next_cleaning = time.monotonic() + _CLEAN_EVERY_S
        bus.on_connect(self.wake)

    def wake(self) -> None:
        """Look at the table now rather than at the next poll."""
        self._woken.set()

    async def flushed(self, ids: Sequence[int], *, timeout: float) -> None:
        """Wait until the rows `ids`, which must be committed, have left. Raises `NotFlushedError` after `timeout` seconds.

        Raises `DatabaseUnavailableError` when Postgres cannot be asked.
        """
        if not ids:
            return
        waiter = _Waiter(set(ids))
        self._waiters.add(waiter)
        self.wake()
        deadline = time.monotonic() + timeout
        done = asyncio.ensure_future(waiter.done.wait())
        try:
            while not (await asyncio.wait({done}, timeout=_FOREIGN_CHECK_S))[0]:
                # Another replica may be the one that relays.
                async with self._engine.connect() as connection:
                    waiter.settle(waiter.remaining - await self._still_pending(connection, waiter.remaining))
                if waiter.remaining and time.monotonic() >= deadline:
                    raise NotFlushedError(f"{len(waiter.remaining)} rows have not left after {timeout:g} s")
        finally:
            done.cancel()
            self._waiters.discard(waiter)

    async def run(self) -> None:
        """Relay until cancelled."""
        wait = _POLL_S
        while True:
            await self._wait(wait)
            try:
                while await self._relay_once():
                    pass
                await self._clean()
                wait = _POLL_S
            except RETRYABLE as error:
                wait = _SHORTEST_PAUSE_S if wait == _POLL_S else min(wait * 2, _LONGEST_PAUSE_S)
                _failures.labels(cause=type(error).__name__).inc()
                _log.warning("the outbox is tried again", reason=repr(error), pause_s=wait)

    async def _wait(self, timeout: float) -> None:
        """Until woken, or `timeout` seconds: a new row is not kept waiting by an old one that NATS refuses."""
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _relay_once(self) -> bool:
        """Relay a batch, if there is one; whether to look again at once."""
        self._woken.clear()
        async with self._engine.connect() as connection:
            columns = self._table.c
            waiting = await connection.scalar(
                select(func.count()).select_from(self._table).where(columns.done_at.is_(None))
            )
        _pending.set(waiting or 0)
        if not waiting or not self._bus.is_connected:
            return False
        async with self._locked() as connection_with_lock:
            if connection_with_lock is not None:
                return await self._relay_batch(connection_with_lock)
        await asyncio.sleep(_BUSY_PAUSE_S)
        return True

    async def _relay_batch(self, connection: AsyncConnection) -> bool:
        columns = self._table.c
        statement = select(self._table).where(columns.done_at.is_(None)).order_by(columns.id).limit(BATCH_ROWS)
        rows = {
            row.id: Row(row.id, Entry(Kind(row.kind), row.target, row.key, row.payload))
            for row in await connection.execute(statement)
        }
        outcome = await relay_batch(
            list(rows.values()),
            jetstream=self._bus.jetstream(),
            confirm=lambda: self._still_pending(connection, rows),
        )
        if outcome.done:
            await connection.execute(update(self._table).where(columns.id.in_(outcome.done)).values(done_at=func.now()))
            for row_id in outcome.done:
                _relayed.labels(kind=rows[row_id].entry.kind).inc()
            for waiter in self._waiters:
                waiter.settle(outcome.done)
        for error in outcome.errors[1:]:
            _failures.labels(cause=type(error).__name__).inc()
        if outcome.errors:
            raise outcome.errors[0]
        return len(rows) == BATCH_ROWS or self._woken.is_set()

    async def _still_pending(self, connection: AsyncConnection, ids: Collection[int]) -> set[int]:
        columns = self._table.c
        statement = select(columns.id).where(columns.id.in_(list(ids)), columns.done_at.is_(None))
        return set((await connection.execute(statement)).scalars())

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[AsyncConnection | None]:
        """A connection that holds the lock; `None` when another relay has it."""
        async with self._engine.connect() as connection:
            if not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._lock}):
                yield None
                return
            try:
                yield connection
            finally:
                await self._unlock(connection)

    async def _unlock(self, connection: AsyncConnection) -> None:
        """Give the lock back, or give up the connection that holds it: it must not go back to the pool with the lock."""
        if connection.invalidated:
            return  # the session is gone, and its lock with it
        try:
            await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": self._lock})
        except BaseException:
            await connection.invalidate()
            raise

    async def _clean(self) -> None:
        """Now and then, forget rows that left long ago."""
        if time.monotonic() < self._next_cleaning:
            return
        columns = self._table.c
        old = select(columns.id).where(columns.done_at < func.now() - _KEEP_DONE).limit(_CLEAN_ROWS)
        async with self._engine.connect() as connection:
            result = await connection.execute(delete(self._table).where(columns.id.in_(old)))
        if result.rowcount < _CLEAN_ROWS:
            self._next_cleaning = time.monotonic() + _CLEAN_EVERY_S
