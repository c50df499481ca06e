"""Every query on API keys."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.models import ApiKeyRow
from admin_api.ledger.models import KeyActivityRow
from admin_api.tenants.models import TenantRow


async def find_of_tenant(session: AsyncSession, tenant_id: str, key_id: str) -> ApiKeyRow | None:
    statement = select(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.tenant_id == tenant_id)
    return (await session.execute(statement)).scalar_one_or_none()


async def find_by_hash(session: AsyncSession, key_hash: str) -> ApiKeyRow | None:
    return (await session.execute(select(ApiKeyRow).where(ApiKeyRow.hash == key_hash))).scalar_one_or_none()


async def newest(
    session: AsyncSession, *, tenant_id: str | None, owner_id: str | None, limit: int, before: str | None
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
    if owner_id is not None:
        statement = statement.where(ApiKeyRow.owner_id == owner_id)
    if before is not None:
        statement = statement.where(ApiKeyRow.id < before)
    return [(key, name) for key, name in await session.execute(statement)]


async def personal_of(session: AsyncSession, user_id: str, tenant_id: str | None = None) -> Sequence[ApiKeyRow]:
    """A person's own keys that are not revoked, in all tenants or in one."""
    statement = select(ApiKeyRow).where(
        ApiKeyRow.owner_id == user_id, ApiKeyRow.kind == "personal", ApiKeyRow.revoked_at.is_(None)
    )
    if tenant_id is not None:
        statement = statement.where(ApiKeyRow.tenant_id == tenant_id)
    return (await session.execute(statement)).scalars().all()


async def last_uses(session: AsyncSession, key_ids: Collection[str]) -> dict[str, datetime]:
    """When keys were last used, as far as the ledger has heard; one that never was is absent."""
    statement = select(KeyActivityRow.key_id, KeyActivityRow.last_used_at).where(KeyActivityRow.key_id.in_(key_ids))
    return {row.key_id: row.last_used_at for row in await session.execute(statement)}


async def of_tenant(session: AsyncSession, tenant_id: str) -> Sequence[ApiKeyRow]:
    """Those that are not revoked."""
    statement = select(ApiKeyRow).where(ApiKeyRow.tenant_id == tenant_id, ApiKeyRow.revoked_at.is_(None))
    return (await session.execute(statement)).scalars().all()
