"""The outbox table of a service, and adding to it within the caller's transaction. Emptying it is `relay`'s.

A row is one of: a KV record put, a KV record deleted, a message published. Rows of one record (or one subject) leave in the
order of their ids. Ids are drawn when a row is inserted, not when it is committed, so a writer must hold a lock on what it
describes (the entity's row, or an advisory lock) *before* it adds: then ids follow the order of the commits.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    insert,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession


class Kind(StrEnum):
    """What the relay does with a row."""

    PUT = "put"
    DELETE = "delete"
    PUBLISH = "publish"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to be said. `target` is a bucket or a subject; `key` the record's key, or the message's id."""

    kind: Kind
    target: str
    key: str
    payload: bytes = b""


def outbox_table(metadata: MetaData) -> Table:
    """The table `outbox` in the schema of `metadata`."""
    table = Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("kind", Text, nullable=False),
        Column("target", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("done_at", DateTime(timezone=True)),
        CheckConstraint("kind IN ('put', 'delete', 'publish')", name="kind"),
    )
    Index("outbox_pending_idx", table.c.id, postgresql_where=table.c.done_at.is_(None))
    Index("outbox_done_at_idx", table.c.done_at, postgresql_where=table.c.done_at.is_not(None))
    return table


class Outbox:
    """Adds rows to one service's outbox table."""

    def __init__(self, table: Table) -> None:
        self.table: Final = table

    async def add(self, session: AsyncSession, *entries: Entry) -> list[int]:
        """Insert `entries` in their order into the caller's transaction; the ids to wait for with `Relay.flushed`."""
        if not entries:
            return []
        rows = [
            {"kind": entry.kind, "target": entry.target, "key": entry.key, "payload": entry.payload}
            for entry in entries
        ]
        statement = insert(self.table).returning(self.table.c.id, sort_by_parameter_order=True)
        return list((await session.execute(statement, rows)).scalars())

    async def pending(self, session: AsyncSession, *, target: str, key: str) -> list[int]:
        """The ids of rows about one record that have not left yet."""
        columns = self.table.c
        statement = select(columns.id).where(columns.done_at.is_(None), columns.target == target, columns.key == key)
        return list((await session.execute(statement)).scalars())
