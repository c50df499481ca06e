"""What people have because of their groups: memberships, and a platform role. Made equal to the groups whenever these change.

A membership that people made is left alone, and so is who is an owner. Of several groups the highest role counts.
"""

from collections.abc import Collection
from datetime import datetime
from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.service import revoke_personal_keys
from admin_api.memberships import repository as memberships
from admin_api.memberships.models import MembershipRow
from admin_api.permissions import PLATFORM_ROLES, TENANT_ROLES, PlatformRole, TenantRole
from admin_api.scim import repository
from admin_api.scim.models import ScimGrantRow
from common.clock import Clock


async def follow_groups(session: AsyncSession, user_ids: Collection[str], *, clock: Clock) -> list[int]:
    """Of these people, in the caller's transaction; the outbox rows that tell the edge of keys that are out of force."""
    await session.flush()
    ids: list[int] = []
    for user_id in sorted(set(user_ids)):
        found = await repository.find_user(session, user_id)
        if found is None:
            continue
        scim_user, user = found
        groups = await repository.groups_of(session, user_id)
        wanted_role = _highest_platform_role([group.platform_role for group in groups])
        if user.role in {None, scim_user.platform_role}:
            user.role = wanted_role
        scim_user.platform_role = wanted_role
        ids += await _follow_tenants(session, user_id, [group.id for group in groups], clock=clock)
    return ids


async def _follow_tenants(session: AsyncSession, user_id: str, group_ids: list[str], *, clock: Clock) -> list[int]:
    wanted: dict[str, TenantRole] = {}
    for row in await repository.roles(session, group_ids):
        role = cast(TenantRole, row.role)
        wanted[row.tenant_id] = min(role, wanted.get(row.tenant_id, role), key=TENANT_ROLES.index)
    grants = await repository.grants(session, user_id)
    ids: list[int] = []
    for tenant_id in sorted(wanted.keys() | grants.keys()):
        await memberships.hold(session, tenant_id)
        member = await memberships.find(session, tenant_id, user_id)
        if tenant_id not in wanted:
            ids += await _leave(session, member, grants[tenant_id], clock=clock)
        elif member is None:
            await _join(session, tenant_id, user_id, wanted[tenant_id], now=clock())
        elif tenant_id in grants and member.role != "owner":
            member.role = wanted[tenant_id]
    return ids


async def _join(session: AsyncSession, tenant_id: str, user_id: str, role: TenantRole, *, now: datetime) -> None:
    session.add(MembershipRow(tenant_id=tenant_id, user_id=user_id, role=role, created_at=now))
    await session.flush()
    session.add(ScimGrantRow(tenant_id=tenant_id, user_id=user_id))


async def _leave(
    session: AsyncSession, member: MembershipRow | None, grant: ScimGrantRow, *, clock: Clock
) -> list[int]:
    """Who was made an owner by people meanwhile, stays."""
    await session.delete(grant)
    await session.flush()
    if member is None or member.role == "owner":
        return []
    await session.delete(member)
    return await revoke_personal_keys(session, grant.user_id, grant.tenant_id, clock=clock)


def _highest_platform_role(roles: Collection[str | None]) -> PlatformRole | None:
    given = [cast(PlatformRole, role) for role in roles if role is not None]
    return min(given, key=PLATFORM_ROLES.index) if given else None
