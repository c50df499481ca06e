"""What the things in the ledger are called, as the control plane knows them now; what it does not know is absent."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.models import ApiKeyRow
from admin_api.tenants.models import TenantRow
from admin_api.usage.filters import Group
from admin_api.users.models import UserRow


async def names_of(session: AsyncSession, group: Group, ids: Collection[str]) -> dict[str, str]:
    """Names by id. Models, providers and tags are called what they are."""
    if group == "tenant":
        return await tenant_names(session, ids)
    if group == "key":
        return await key_names(session, ids)
    if group == "user":
        return await user_names(session, ids)
    return {}


async def tenant_names(session: AsyncSession, ids: Collection[str]) -> dict[str, str]:
    found = await session.execute(select(TenantRow.id, TenantRow.name).where(TenantRow.id.in_(ids)))
    return {row.id: row.name for row in found}


async def key_names(session: AsyncSession, ids: Collection[str]) -> dict[str, str]:
    found = await session.execute(select(ApiKeyRow.id, ApiKeyRow.name).where(ApiKeyRow.id.in_(ids)))
    return {row.id: row.name for row in found}


async def user_names(session: AsyncSession, ids: Collection[str]) -> dict[str, str]:
    found = await session.execute(select(UserRow.id, UserRow.name).where(UserRow.id.in_(ids)))
    return {row.id: row.name for row in found}


async def key_ids_of(session: AsyncSession, user_id: str) -> list[str]:
    """The keys that somebody owns, whatever has become of them."""
    return list(await session.scalars(select(ApiKeyRow.id).where(ApiKeyRow.owner_id == user_id)))
