"""One batch of outbox rows on its way to NATS: what is written, on which condition, and what happened. `relay` says when and why.

Of several rows about one record only the last is written: records are whole each time. Messages keep their order, so the
first that is refused ends the messages of the batch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from nats.errors import Error as NatsError
from nats.js.client import JetStreamContext
from nats.js.errors import Error as JetStreamError

from common.bus.records import Revision, StaleRevisionError, delete_record, put_record, read_revision
from common.outbox.table import Entry, Kind

T = TypeVar("T")

_CONCURRENCY: Final = 32
_PUBLISH_TIMEOUT_S: Final = 2.0
# What NATS or the way to it may say; a row that meets it stays and is tried again.
RETRYABLE: Final = (NatsError, JetStreamError, OSError, TimeoutError, StaleRevisionError)


@dataclass(frozen=True, slots=True)
class Row:
    """An entry of the table that has not left yet."""

    id: int
    entry: Entry


@dataclass(slots=True)
class Outcome:
    """`done`: ids of rows that have left, or were overtaken by one that has. `errors`: why others have not."""

    done: list[int] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)


async def relay_batch(
    rows: Sequence[Row], *, jetstream: JetStreamContext, confirm: Callable[[], Awaitable[set[int]]]
) -> Outcome:
    """Write `rows`, oldest first. `confirm` is asked between reading and writing which of them are still to be written;
    what it raises passes through, and then nothing has been written."""
    outcome = Outcome()
    records: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.entry.kind is not Kind.PUBLISH:
            records.setdefault((row.entry.target, row.entry.key), []).append(row)
    revisions: dict[tuple[str, str], Revision] = {}

    async def look(record: tuple[str, str]) -> None:
        revisions[record] = await read_revision(jetstream, *record)

    async def write(record: tuple[str, str]) -> None:
        same = records[record]
        if same[-1].id in pending:
            await _write_record(jetstream, same[-1].entry, revisions[record])
            outcome.done.extend(row.id for row in same)

    await _for_each(records, look, outcome.errors)
    pending = await confirm()
    await _for_each(revisions, write, outcome.errors)
    for row in rows:
        if row.entry.kind is Kind.PUBLISH and row.id in pending:
            try:
                await _publish_message(jetstream, row.entry)
            except RETRYABLE as error:
                outcome.errors.append(error)
                break
            outcome.done.append(row.id)
    return outcome


async def _write_record(jetstream: JetStreamContext, entry: Entry, revision: Revision) -> None:
    if entry.kind is Kind.PUT:
        await put_record(jetstream, entry.target, entry.key, entry.payload, on=revision)
    else:
        await delete_record(jetstream, entry.target, entry.key, on=revision)


async def _publish_message(jetstream: JetStreamContext, entry: Entry) -> None:
    await jetstream.publish(entry.target, entry.payload, headers={"Nats-Msg-Id": entry.key}, timeout=_PUBLISH_TIMEOUT_S)


async def _for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]], errors: list[Exception]) -> None:
    """Do `work` for all, a bounded number at a time; one that fails stops none of the others."""
    free = asyncio.Semaphore(_CONCURRENCY)

    async def one(item: T) -> None:
        async with free:
            try:
                await work(item)
            except RETRYABLE as error:
                errors.append(error)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))
