"""Every query on tenants."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.tenants.models import TenantRow

_PURGED_AT_ONCE: Final = 20


async def find(session: AsyncSession, tenant_id: str) -> TenantRow | None:
    return await session.get(TenantRow, tenant_id)


async def find_by_name(session: AsyncSession, name: str) -> TenantRow | None:
    return (await session.execute(select(TenantRow).where(TenantRow.name == name))).scalar_one_or_none()


async def newest(session: AsyncSession, *, limit: int, before: str | None) -> Sequence[TenantRow]:
    """At most `limit` tenants, newest first, older than the one with the id `before`."""
    statement = select(TenantRow).where(TenantRow.status != "deleted").order_by(TenantRow.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(TenantRow.id < before)
    return (await session.execute(statement)).scalars().all()


async def find_personal(session: AsyncSession, user_id: str) -> TenantRow | None:
    return (await session.execute(select(TenantRow).where(TenantRow.personal_of == user_id))).scalar_one_or_none()


async def ids_that_follow_the_default(session: AsyncSession) -> list[str]:
    statement = select(TenantRow.id).where(TenantRow.follows_default_models, TenantRow.status != "deleted")
    return list((await session.execute(statement)).scalars())


async def due_for_purge(session: AsyncSession, now: datetime) -> list[str]:
    """The deleted tenants whose time of retention is over, some at a time."""
    statement = select(TenantRow.id).where(TenantRow.purge_after <= now).order_by(TenantRow.id).limit(_PURGED_AT_ONCE)
    return list((await session.execute(statement)).scalars())
