"""Every statement that writes the ledger's entries. What a row means is in `models`, what is summed of them in `sums`.

Calls are entered in two ways. `copy` is for the usual batch, none of which is known: COPY costs Postgres a third less than INSERT.
Where it is refused, for a call that is known or a value that cannot be stored, `insert` takes the batch in another transaction: it
passes over what is known, and says what cannot be stored. Both go through the rows in key order, and all entries come before the
first sum: two workers that write the same keys wait for each other, and never deadlock.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from common.events.usage import UsageEnvelope

_COLUMNS: Final[Mapping[str, str]] = {
    "occurred_at": "timestamptz",
    "call_id": "text",
    "tenant_id": "text",
    "key_id": "text",
    "alias": "text",
    "route_id": "text",
    "provider": "text",
    "model": "text",
    "operation": "text",
    "stream": "boolean",
    "status": "text",
    "http_status": "smallint",
    "error_code": "text",
    "input_tokens": "bigint",
    "cached_input_tokens": "bigint",
    "output_tokens": "bigint",
    "reasoning_tokens": "bigint",
    "estimated": "boolean",
    "lines": "text",
    "cost_nano_usd": "bigint",
    "price_version": "text",
    "latency_ms": "bigint",
    "first_token_ms": "bigint",
    "attempts": "bigint",
    "end_user": "text",
    "metadata": "text",
    "tags": "text",
}
_NAMES: Final = ", ".join(_COLUMNS)
_ARRAYS: Final = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _COLUMNS.items())
_INCOMING: Final = f"unnest({_ARRAYS}) WITH ORDINALITY AS incoming({_NAMES}, position)"
_JSON: Final = frozenset({"lines", "metadata", "tags"})
_VALUES: Final = ", ".join(f"{name}::jsonb" if name in _JSON else name for name in _COLUMNS)
_KEY: Final = itemgetter(0, 1)

DROPPED_BEFORE: Final = "(SELECT coalesce(max(ended_at), '-infinity') FROM ledger.dropped_months)"
"""Since when the entries are complete. What began before has its hourly sums only."""

_INSERT: Final = text(f"""
    INSERT INTO ledger.usage_entries ({_NAMES})
    SELECT {_VALUES} FROM {_INCOMING} ORDER BY occurred_at, call_id, position
    ON CONFLICT (occurred_at, call_id) DO NOTHING
    RETURNING occurred_at, call_id
""")  # noqa: S608 - names of columns, from this module

_CONFLICTS: Final = text(f"""
    SELECT incoming.call_id FROM {_INCOMING} JOIN ledger.usage_entries AS known USING (occurred_at, call_id)
    WHERE {
    " OR ".join(
        f"known.{name} IS DISTINCT FROM incoming.{name}{'::jsonb' if name in _JSON else ''}"
        for name in _COLUMNS
        if name not in {"occurred_at", "call_id"}
    )
}
""")  # noqa: S608 - names of columns, from this module

Rows = Mapping[str, Sequence[Any]]
"""A batch by column."""


def rows_of(envelopes: Sequence[UsageEnvelope]) -> Rows:
    """A batch of events as columns."""
    encode = msgspec.json.Encoder().encode
    data = [envelope.data for envelope in envelopes]
    tokens = [each.tokens for each in data]
    return {
        "occurred_at": [envelope.time for envelope in envelopes],
        "call_id": [envelope.id for envelope in envelopes],
        "tenant_id": [each.tenant_id for each in data],
        "key_id": [each.key_id for each in data],
        "alias": [each.alias for each in data],
        "route_id": [each.route_id for each in data],
        "provider": [each.provider for each in data],
        "model": [each.model for each in data],
        "operation": [each.operation for each in data],
        "stream": [each.stream for each in data],
        "status": [each.status for each in data],
        "http_status": [each.http_status for each in data],
        "error_code": [each.error_code for each in data],
        "input_tokens": [each.input for each in tokens],
        "cached_input_tokens": [each.cached_input for each in tokens],
        "output_tokens": [each.output for each in tokens],
        "reasoning_tokens": [each.reasoning for each in tokens],
        "estimated": [each.estimated for each in data],
        "lines": [encode(each.lines).decode() for each in data],
        "cost_nano_usd": [int(each.cost_nano_usd) for each in data],
        "price_version": [each.price_version for each in data],
        "latency_ms": [each.latency_ms for each in data],
        "first_token_ms": [each.first_token_ms for each in data],
        "attempts": [each.attempts for each in data],
        "end_user": [each.end_user for each in data],
        "metadata": [encode(each.metadata).decode() for each in data],
        "tags": [encode(each.tags).decode() for each in data],
    }


Place = tuple[datetime, str]
"""What an entry is known by: when its call began, and the call's id. Without its zone, which is UTC: the driver takes the last
moment of the calendar for infinity, and brings it back without one."""


def place_of(envelope: UsageEnvelope) -> Place:
    return envelope.time.replace(tzinfo=None), envelope.id


class RefusedError(Exception):
    """COPY takes all of a batch or nothing. The transaction has failed with it."""


async def copy(session: AsyncSession, rows: Rows) -> None:
    """Enter calls none of which is known, in a transaction that has begun. Raises `RefusedError`, also when Postgres is away."""
    connection = (await (await session.connection()).get_raw_connection()).driver_connection
    if connection is None or not connection.is_in_transaction():
        raise RuntimeError("COPY outside of a transaction could not be taken back")
    records = sorted(zip(*rows.values(), strict=True), key=_KEY)
    try:
        await connection.copy_records_to_table(
            "usage_entries", schema_name="ledger", columns=list(rows), records=records
        )
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise RefusedError(repr(error)) from error


async def insert(session: AsyncSession, rows: Rows) -> set[Place]:
    """Enter the calls that are not known yet, and return their places."""
    found = await session.execute(_INSERT, dict(rows))
    return {(row.occurred_at.replace(tzinfo=None), row.call_id) for row in found}


async def conflicting_calls(session: AsyncSession, rows: Rows) -> list[str]:
    """The ids of calls that the ledger holds with another content than `rows` has."""
    return list(await session.scalars(_CONFLICTS, dict(rows)))
