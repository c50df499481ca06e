"""Use cases of the read side. Each is one read-only transaction; none can take longer than a person waits."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add
from typing import Final, Literal

from admin_api.errors import InvalidCursorError
from admin_api.ledger.models import UsageEntryRow
from admin_api.paging import Slice, decode_cursor, encode_cursor
from admin_api.usage import calls, names, repository
from admin_api.usage.calls import CallFilter
from admin_api.usage.domain import Range, bucket_starts, day_starts
from admin_api.usage.filters import Filter, Group, Scope
from admin_api.usage.repository import Sums
from common.db.engine import Sessions
from common.http.errors import InvalidRequestError, NotFoundError

MOST_COMPARED: Final = 10
_NAMES_PER_FETCH: Final = 500

SeriesKind = Literal["tenant", "model", "user"]
Points = Sequence[tuple[datetime, Sums]]


@dataclass(frozen=True, slots=True)
class Summary:
    """`points` are the buckets in order, each with its start."""

    totals: Sums
    points: Points


@dataclass(frozen=True, slots=True)
class Series:
    """One of several things that are compared, or that something is split into."""

    kind: str
    id: str
    label: str
    totals: Sums
    points: Points


@dataclass(frozen=True, slots=True)
class NamedCall:
    """An entry with the names of its tenant and key, or their ids where the names are not known."""

    entry: UsageEntryRow
    tenant_name: str
    key_name: str


async def summarize(sessions: Sessions, asked: Range, wanted: Filter) -> Summary:
    """Usage over time."""
    starts = bucket_starts(asked)
    async with sessions.begin() as session:
        await repository.bound_statements(session)
        sums = await repository.sums_by_bucket(session, asked.window, starts, wanted)
    return Summary(reduce(add, sums, Sums()), list(zip(starts, sums, strict=True)))


async def break_down(
    sessions: Sessions, asked: Range, group: Group, wanted: Filter, *, limit: int
) -> list[tuple[str, str, Sums]]:
    """The dearest of a group: id, name, sums. Calls with keys that are nobody's have the empty id among users."""
    async with sessions.begin() as session:
        await repository.bound_statements(session)
        found = await repository.sums_by_group(session, asked.window, group, wanted, limit=limit)
        labels = await names.names_of(session, group, [id_ for id_, _ in found])
    return [(id_, labels.get(id_, id_), sums) for id_, sums in found]


async def compare(
    sessions: Sessions,
    asked: Range,
    scope: Scope,
    *,
    tenant_ids: Sequence[str],
    aliases: Sequence[str],
    user_ids: Sequence[str],
) -> list[Series]:
    """One series of days for each thing named: a tenant's calls, a model's over all tenants in the scope, a user's keys'.

    Raises `InvalidRequestError` for more than ten things or none, `NotFoundError` for a tenant outside the scope.
    """
    wanted: tuple[tuple[SeriesKind, Sequence[str]], ...] = (
        ("tenant", list(dict.fromkeys(tenant_ids))),
        ("user", list(dict.fromkeys(user_ids))),
        ("model", list(dict.fromkeys(aliases))),
    )
    count = sum(len(ids) for _, ids in wanted)
    if not 1 <= count <= MOST_COMPARED:
        raise InvalidRequestError(
            f"tenant_ids: name between 1 and {MOST_COMPARED} tenants, users and models in all.",
            code="invalid_value",
            param="tenant_ids",
        )
    check_tenants(scope, tenant_ids)
    starts, found = day_starts(asked), list[Series]()
    async with sessions.begin() as session:
        await repository.bound_statements(session)
        for kind, ids in wanted:
            if ids:
                series = await repository.sums_by_bucket_and_group(
                    session, asked.window, starts, _naming(scope, kind, ids), kind, ids
                )
                labels = await names.names_of(session, kind, ids)
                found += [_series(kind, id_, labels, starts, sums) for id_, sums in series.items()]
    return found


async def split_daily(sessions: Sessions, asked: Range, wanted: Filter, split: Group) -> list[Series]:
    """By day, and what each day consists of: the dearest first."""
    starts = day_starts(asked)
    async with sessions.begin() as session:
        await repository.bound_statements(session)
        found = await repository.sums_by_bucket_and_group(session, asked.window, starts, wanted, split)
        labels = await names.names_of(session, split, list(found))
    series = [_series(split, id_, labels, starts, sums) for id_, sums in found.items()]
    return sorted(series, key=lambda each: (-each.totals.cost_nano_usd, -each.totals.requests, each.id))


async def list_calls(sessions: Sessions, wanted: CallFilter, *, limit: int, cursor: str | None) -> Slice[NamedCall]:
    """Calls, newest first, all filters applied. Raises `InvalidCursorError`, `NotFoundError` for a tenant outside the scope."""
    before = _position(cursor) if cursor is not None else None
    check_tenants(wanted.scope, [] if wanted.tenant_id is None else [wanted.tenant_id])
    async with sessions.begin() as session:
        await repository.bound_statements(session)
        entries = await calls.newest(session, wanted, limit=limit + 1, before=before)
        tenants = await names.tenant_names(session, {entry.tenant_id for entry in entries})
        keys = await names.key_names(session, {entry.key_id for entry in entries})
    named = [_named(entry, tenants, keys) for entry in entries]
    return Slice.of(named, limit, lambda call: encode_cursor(call.entry.occurred_at.isoformat(), call.entry.call_id))


async def read_call(sessions: Sessions, scope: Scope, call_id: str) -> NamedCall:
    """Raises `NotFoundError`."""
    async with sessions.begin() as session:
        await repository.bound_statements(session)
        entry = await calls.find(session, scope, call_id)
        if entry is None:
            raise NotFoundError("There is no such call.")
        tenants = await names.tenant_names(session, [entry.tenant_id])
        keys = await names.key_names(session, [entry.key_id])
    return _named(entry, tenants, keys)


async def each_call(sessions: Sessions, wanted: CallFilter) -> AsyncIterator[NamedCall]:
    """Every call, oldest first, in one transaction; names are looked up as they come, by the same connection: downloads that each
    held one and waited for a second would wait for each other."""
    tenants: dict[str, str] = {}
    keys: dict[str, str] = {}
    async with sessions.begin() as session:
        async for entry in calls.each(session, wanted):
            if entry.tenant_id not in tenants:
                tenants[entry.tenant_id] = entry.tenant_id
                tenants |= await names.tenant_names(session, [entry.tenant_id])
            if entry.key_id not in keys:
                keys[entry.key_id] = entry.key_id
                keys |= await names.key_names(session, [entry.key_id])
            yield _named(entry, tenants, keys)


async def personal_scope(sessions: Sessions, user_id: str, tenant_ids: Collection[str]) -> Scope:
    """The calls of a person's own keys, in the tenants that they belong to."""
    async with sessions.begin() as session:
        return Scope(tenant_ids=tenant_ids, key_ids=await names.key_ids_of(session, user_id))


def check_tenants(scope: Scope, tenant_ids: Collection[str]) -> None:
    """Raise `NotFoundError` for a tenant outside the scope."""
    if scope.tenant_ids is not None and not set(tenant_ids) <= set(scope.tenant_ids):
        raise NotFoundError("There is no such tenant.")


def _naming(scope: Scope, kind: SeriesKind, ids: Sequence[str]) -> Filter:
    """Leaves all else out before it is summed up."""
    return Filter(
        scope=scope,
        tenant_ids=ids if kind == "tenant" else None,
        user_ids=ids if kind == "user" else None,
        aliases=ids if kind == "model" else None,
    )


def _series(kind: str, id_: str, labels: dict[str, str], starts: Sequence[datetime], sums: Sequence[Sums]) -> Series:
    return Series(kind, id_, labels.get(id_, id_), reduce(add, sums, Sums()), list(zip(starts, sums, strict=True)))


def _named(entry: UsageEntryRow, tenants: dict[str, str], keys: dict[str, str]) -> NamedCall:
    return NamedCall(entry, tenants.get(entry.tenant_id, entry.tenant_id), keys.get(entry.key_id, entry.key_id))


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
