"""Every query on memberships."""

from collections.abc import Sequence
from typing import Final, cast

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.memberships.models import MembershipRow
from admin_api.permissions import TenantRole
from admin_api.tenants.models import TenantRow
from admin_api.users.models import UserRow

_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('control/members/' || :tenant_id, 0))")


async def hold(session: AsyncSession, tenant_id: str) -> None:
    """Let nobody else change who belongs to a tenant until the caller's transaction ends."""
    await session.execute(_HOLD, {"tenant_id": tenant_id})


async def roles_of(session: AsyncSession, user_id: str) -> dict[str, TenantRole]:
    """A person's role by tenant; archived tenants are nobody's."""
    statement = (
        select(MembershipRow.tenant_id, MembershipRow.role)
        .join(TenantRow, TenantRow.id == MembershipRow.tenant_id)
        .where(MembershipRow.user_id == user_id, TenantRow.status != "archived")
    )
    return {row.tenant_id: cast(TenantRole, row.role) for row in await session.execute(statement)}


async def find(session: AsyncSession, tenant_id: str, user_id: str) -> MembershipRow | None:
    return await session.get(MembershipRow, (tenant_id, user_id))


async def of_tenant(
    session: AsyncSession, tenant_id: str, *, limit: int, after: str | None
) -> Sequence[tuple[MembershipRow, UserRow]]:
    """At most `limit` members with who they are, by the id of the user, after the one with the id `after`."""
    statement = (
        select(MembershipRow, UserRow)
        .join(UserRow, UserRow.id == MembershipRow.user_id)
        .where(MembershipRow.tenant_id == tenant_id)
        .order_by(MembershipRow.user_id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(MembershipRow.user_id > after)
    return [(member, user) for member, user in await session.execute(statement)]


async def of_user(session: AsyncSession, user_id: str) -> Sequence[tuple[MembershipRow, TenantRow]]:
    """A person's memberships with their tenants, but for archived ones; the personal tenant first, then by name."""
    statement = (
        select(MembershipRow, TenantRow)
        .join(TenantRow, TenantRow.id == MembershipRow.tenant_id)
        .where(MembershipRow.user_id == user_id, TenantRow.status != "archived")
        .order_by(TenantRow.kind.desc(), TenantRow.name)
    )
    return [(member, tenant) for member, tenant in await session.execute(statement)]


async def count_owners(session: AsyncSession, tenant_id: str) -> int:
    """Owners who can sign in."""
    statement = (
        select(func.count())
        .select_from(MembershipRow)
        .join(UserRow, UserRow.id == MembershipRow.user_id)
        .where(MembershipRow.tenant_id == tenant_id, MembershipRow.role == "owner", UserRow.disabled_at.is_(None))
    )
    return (await session.execute(statement)).scalar_one()
