"""Use cases of groups, as a directory has them, and of what people decide that they give."""

from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.configuration.propagation import Propagation
from admin_api.permissions import PlatformRole, TenantRole
from admin_api.scim import repository
from admin_api.scim.domain import GROUP_PREFIX, GroupChange, ScimError, invalid
from admin_api.scim.grants import follow_groups
from admin_api.scim.models import ScimGroupMemberRow, ScimGroupRoleRow, ScimGroupRow
from admin_api.tenants.service import existing as existing_tenant
from common.clock import Clock
from common.db.engine import Sessions
from common.http.errors import InvalidRequestError, NotFoundError
from common.ids import new_id


async def create(sessions: Sessions, change: GroupChange, *, clock: Clock, propagation: Propagation) -> str:
    """The id. Raises `ScimError` or `NotInForceError`."""
    if change.display_name is None:
        raise invalid("displayName is needed")
    async with sessions.begin() as session:
        await repository.hold(session)
        row = ScimGroupRow(
            id=new_id(GROUP_PREFIX),
            display_name=change.display_name,
            external_id=change.external_id,
            platform_role=None,
            created_at=clock(),
        )
        session.add(row)
        await session.flush()
        ids = await _set_members(session, row.id, change, clock=clock)
    await propagation.wait(ids)
    return row.id


async def update(
    sessions: Sessions, group_id: str, change: GroupChange, *, clock: Clock, propagation: Propagation
) -> None:
    """Raises `ScimError` or `NotInForceError`."""
    async with sessions.begin() as session:
        await repository.hold(session)
        row = await existing(session, group_id)
        row.display_name = change.display_name or row.display_name
        row.external_id = change.external_id or row.external_id
        ids = await _set_members(session, row.id, change, clock=clock)
    await propagation.wait(ids)


async def remove(sessions: Sessions, group_id: str, *, clock: Clock, propagation: Propagation) -> None:
    """What it gave goes with it. Raises `ScimError` or `NotInForceError`."""
    async with sessions.begin() as session:
        await repository.hold(session)
        row = await existing(session, group_id)
        members = await repository.member_rows(session, group_id)
        for each in members.values():
            await session.delete(each)
        ids = await follow_groups(session, members, clock=clock)
        for role in await repository.roles(session, [group_id]):
            await session.delete(role)
        await session.delete(row)
    await propagation.wait(ids)


async def set_roles(
    sessions: Sessions,
    group_id: str,
    *,
    platform_role: PlatformRole | None,
    tenants: Mapping[str, TenantRole],
    clock: Clock,
    propagation: Propagation,
) -> None:
    """Decide what a group gives. Raises `NotFoundError`, `InvalidRequestError` or `NotInForceError`."""
    async with sessions.begin() as session:
        await repository.hold(session)
        row = await repository.find_group(session, group_id)
        if row is None:
            raise NotFoundError("There is no such group.")
        row.platform_role = platform_role
        known = {each.tenant_id: each for each in await repository.roles(session, [group_id])}
        for tenant_id, role in tenants.items():
            tenant = await existing_tenant(session, tenant_id)
            if tenant.kind == "personal":
                raise InvalidRequestError("tenants: nobody else belongs to a personal tenant.", param="tenants")
            if tenant_id in known:
                known[tenant_id].role = role
            else:
                session.add(ScimGroupRoleRow(group_id=group_id, tenant_id=tenant_id, role=role))
        for tenant_id in known.keys() - tenants.keys():
            await session.delete(known[tenant_id])
        ids = await follow_groups(session, await repository.member_rows(session, group_id), clock=clock)
    await propagation.wait(ids)


async def existing(session: AsyncSession, group_id: str) -> ScimGroupRow:
    """Raises `ScimError`."""
    row = await repository.find_group(session, group_id)
    if row is None:
        raise ScimError(404, "There is no such group.")
    return row


async def _set_members(session: AsyncSession, group_id: str, change: GroupChange, *, clock: Clock) -> list[int]:
    rows = await repository.member_rows(session, group_id)
    wanted = set(rows) if change.members is None else set(change.members)
    wanted = (wanted | set(change.added)) - set(change.removed)
    await _check_known(session, wanted - rows.keys())
    for user_id in sorted(wanted - rows.keys()):
        session.add(ScimGroupMemberRow(group_id=group_id, user_id=user_id))
    for user_id in sorted(rows.keys() - wanted):
        await session.delete(rows[user_id])
    return await follow_groups(session, wanted ^ rows.keys(), clock=clock)


async def _check_known(session: AsyncSession, user_ids: Collection[str]) -> None:
    if user_ids and set(user_ids) - await repository.known_users(session, user_ids):
        raise invalid("members: there is no such user")
