"""Every query on API keys."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.models import ApiKeyRow
from admin_api.tenants.models import TenantRow


async def find_of_tenant(session: AsyncSession, tenant_id: str, key_id: str) -> ApiKeyRow | None:
    statement = select(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.tenant_id == tenant_id)
    return (await session.execute(statement)).scalar_one_or_none()


async def find_by_hash(session: AsyncSession, key_hash: str) -> ApiKeyRow | None:
    return (await session.execute(select(ApiKeyRow).where(ApiKeyRow.hash == key_hash))).scalar_one_or_none()


async def newest(
    session: AsyncSession, *, tenant_id: str | None, limit: int, before: str | None
) -> Sequence[tuple[ApiKeyRow, str]]:
    """At most `limit` keys with their tenant's name, newest first, older than the one with the id `before`."""
    statement = (
        select(ApiKeyRow, TenantRow.name)
        .join(TenantRow, TenantRow.id == ApiKeyRow.tenant_id)
        .order_by(ApiKeyRow.id.desc())
        .limit(limit)
    )
    if tenant_id is not None:
        statement = statement.where(ApiKeyRow.tenant_id == tenant_id)
    if before is not None:
        statement = statement.where(ApiKeyRow.id < before)
    return [(key, name) for key, name in await session.execute(statement)]
