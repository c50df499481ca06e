"""Every query for single calls."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.models import ApiKeyRow
from admin_api.ledger.models import UsageEntryRow
from admin_api.usage.domain import Window
from admin_api.usage.filters import Scope

_PER_FETCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Within a scope, which calls; `None` is any. `tag` is a name and a value, `user_id` a key's owner,
    `end_user` the request's."""

    scope: Scope
    window: Window | None = None
    tenant_id: str | None = None
    key_id: str | None = None
    alias: str | None = None
    provider: str | None = None
    status: str | None = None
    user_id: str | None = None
    end_user: str | None = None
    tag: tuple[str, str] | None = None


async def newest(
    session: AsyncSession, wanted: CallFilter, *, limit: int, before: tuple[datetime, str] | None
) -> list[UsageEntryRow]:
    """Calls before `before`, a start and an id, newest first."""
    statement = _filtered(wanted).order_by(UsageEntryRow.occurred_at.desc(), UsageEntryRow.call_id.desc()).limit(limit)
    if before is not None:
        # The plain comparison says nothing new, but only by it later partitions are left out.
        statement = statement.where(
            UsageEntryRow.occurred_at <= before[0],
            tuple_(UsageEntryRow.occurred_at, UsageEntryRow.call_id) < tuple_(*before),
        )
    return list(await session.scalars(statement))


async def find(session: AsyncSession, scope: Scope, call_id: str) -> UsageEntryRow | None:
    """By the id alone every partition has to be asked: for one person's question."""
    statement = _filtered(CallFilter(scope=scope)).where(UsageEntryRow.call_id == call_id).limit(1)
    return (await session.scalars(statement)).first()


async def each(session: AsyncSession, wanted: CallFilter) -> AsyncIterator[UsageEntryRow]:
    """Every call, oldest first, some hundred in memory at a time."""
    statement = _filtered(wanted).order_by(UsageEntryRow.occurred_at, UsageEntryRow.call_id)
    async for row in await session.stream_scalars(statement.execution_options(yield_per=_PER_FETCH)):
        yield row


def _filtered(wanted: CallFilter) -> Select[UsageEntryRow]:
    statement = select(UsageEntryRow)
    sets: tuple[tuple[object, Collection[str] | None], ...] = (
        (UsageEntryRow.tenant_id, wanted.scope.tenant_ids),
        (UsageEntryRow.key_id, wanted.scope.key_ids),
    )
    for column, values in sets:
        if values is not None:
            statement = statement.where(column.in_(values))  # type: ignore[attr-defined]
    for column, value in (
        (UsageEntryRow.tenant_id, wanted.tenant_id),
        (UsageEntryRow.key_id, wanted.key_id),
        (UsageEntryRow.alias, wanted.alias),
        (UsageEntryRow.provider, wanted.provider),
        (UsageEntryRow.status, wanted.status),
        (UsageEntryRow.end_user, wanted.end_user),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if wanted.user_id is not None:
        owned = select(ApiKeyRow.id).where(ApiKeyRow.owner_id == wanted.user_id)
        statement = statement.where(UsageEntryRow.key_id.in_(owned))
    if wanted.tag is not None:
        statement = statement.where(UsageEntryRow.tags.contains({wanted.tag[0]: wanted.tag[1]}))
    if wanted.window is not None:
        statement = statement.where(
            UsageEntryRow.occurred_at >= wanted.window.start, UsageEntryRow.occurred_at < wanted.window.end
        )
    return statement
