"""Use cases of the read side. Each is one read-only transaction; none can take longer than a person waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add

from admin_api.errors import InvalidCursorError
from admin_api.ledger.models import UsageEntryRow
from admin_api.paging import Slice, decode_cursor, encode_cursor
from admin_api.usage import repository
from admin_api.usage.domain import Range, bucket_starts
from admin_api.usage.repository import Group, Sums
from common.db.engine import Sessions


@dataclass(frozen=True, slots=True)
class Summary:
    """`points` are the buckets in order, each with its start."""

    totals: Sums
    points: Sequence[tuple[datetime, Sums]]


@dataclass(frozen=True, slots=True)
class NamedCall:
    """An entry with the names of its tenant and key, or their ids where the names are not known."""

    entry: UsageEntryRow
    tenant_name: str
    key_name: str


async def summarize(sessions: Sessions, asked: Range, *, tenant_id: str | None) -> Summary:
    """Usage over time, of all tenants or one."""
    starts = bucket_starts(asked)
    async with sessions.begin() as session:
        await repository.bound_statements(session)
        sums = await repository.sums_by_bucket(session, asked.window, starts, tenant_id=tenant_id)
    return Summary(reduce(add, sums, Sums()), list(zip(starts, sums, strict=True)))


async def break_down(
    sessions: Sessions, asked: Range, group: Group, *, tenant_id: str | None, limit: int
) -> list[tuple[str, str, Sums]]:
    """The dearest models, tenants or keys: id, name, sums."""
    async with sessions.begin() as session:
        await repository.bound_statements(session)
        found = await repository.sums_by_group(session, asked.window, group, tenant_id=tenant_id, limit=limit)
        ids = [id_ for id_, _ in found]
        names: dict[str, str] = {}
        if group == "tenant":
            names = await repository.tenant_names(session, ids)
        elif group == "key":
            names = await repository.key_names(session, ids)
    return [(id_, names.get(id_, id_), sums) for id_, sums in found]


async def list_calls(
    sessions: Sessions,
    *,
    limit: int,
    cursor: str | None,
    tenant_id: str | None,
    key_id: str | None,
    alias: str | None,
) -> Slice[NamedCall]:
    """Calls, newest first, all filters applied. Raises `InvalidCursorError`."""
    before = _position(cursor) if cursor is not None else None
    async with sessions.begin() as session:
        await repository.bound_statements(session)
        entries = await repository.newest_calls(
            session, limit=limit + 1, before=before, tenant_id=tenant_id, key_id=key_id, alias=alias
        )
        tenants = await repository.tenant_names(session, {entry.tenant_id for entry in entries})
        keys = await repository.key_names(session, {entry.key_id for entry in entries})
    calls = [
        NamedCall(entry, tenants.get(entry.tenant_id, entry.tenant_id), keys.get(entry.key_id, entry.key_id))
        for entry in entries
    ]
    return Slice.of(calls, limit, lambda call: encode_cursor(call.entry.occurred_at.isoformat(), call.entry.call_id))


def _position(cursor: str) -> tuple[datetime, str]:
    occurred_at, call_id = decode_cursor(cursor, parts=2)
    try:
        moment = datetime.fromisoformat(occurred_at)
    except ValueError:
        raise InvalidCursorError from None
    # Ours are in UTC. Another offset could lead out of the range of moments that there are.
    if moment.utcoffset() is None or moment.utcoffset():
        raise InvalidCursorError
    return moment, call_id
