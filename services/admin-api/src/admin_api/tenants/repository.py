"""Every query on tenants."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.tenants.models import TenantRow


async def find(session: AsyncSession, tenant_id: str) -> TenantRow | None:
    return await session.get(TenantRow, tenant_id)


async def find_by_name(session: AsyncSession, name: str) -> TenantRow | None:
    return (await session.execute(select(TenantRow).where(TenantRow.name == name))).scalar_one_or_none()


async def newest(session: AsyncSession, *, limit: int, before: str | None) -> Sequence[TenantRow]:
    """At most `limit` tenants, newest first, older than the one with the id `before`."""
    statement = select(TenantRow).order_by(TenantRow.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(TenantRow.id < before)
    return (await session.execute(statement)).scalars().all()
