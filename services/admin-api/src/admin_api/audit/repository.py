"""Every query on the audit log."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.audit.models import AuditEntryRow

_PER_FETCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What an entry must be about; `None` means anything. `until` is excluded."""

    actor_id: str | None = None
    action: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    tenant_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def newest(session: AsyncSession, filters: Filters, *, limit: int, before: str | None) -> Sequence[AuditEntryRow]:
    """At most `limit` entries, newest first, older than the one with the id `before`."""
    statement = _filtered(filters).order_by(AuditEntryRow.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(AuditEntryRow.id < before)
    return (await session.execute(statement)).scalars().all()


async def each(session: AsyncSession, filters: Filters) -> AsyncIterator[AuditEntryRow]:
    """Every entry, oldest first, some hundred in memory at a time."""
    statement = _filtered(filters).order_by(AuditEntryRow.id).execution_options(yield_per=_PER_FETCH)
    async for row in await session.stream_scalars(statement):
        yield row


def _filtered(filters: Filters) -> Select[AuditEntryRow]:
    statement = select(AuditEntryRow)
    for column, wanted in (
        (AuditEntryRow.actor_id, filters.actor_id),
        (AuditEntryRow.action, filters.action),
        (AuditEntryRow.resource_type, filters.resource_type),
        (AuditEntryRow.resource_id, filters.resource_id),
        (AuditEntryRow.tenant_id, filters.tenant_id),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if filters.since is not None:
        statement = statement.where(AuditEntryRow.occurred_at >= filters.since)
    if filters.until is not None:
        statement = statement.where(AuditEntryRow.occurred_at < filters.until)
    return statement
