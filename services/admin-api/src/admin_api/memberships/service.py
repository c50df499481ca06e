"""Use cases of memberships. `by` is the role in the tenant of whoever asks, and `None` for the platform's own people."""

from datetime import datetime
from typing import Final, cast

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.service import revoke_personal_keys
from admin_api.configuration.propagation import Propagation
from admin_api.memberships import repository
from admin_api.memberships.domain import check_grant, check_owner_remains
from admin_api.memberships.models import MembershipRow
from admin_api.paging import Slice, decode_cursor, encode_cursor
from admin_api.permissions import TenantRole
from admin_api.tenants.models import TenantRow
from admin_api.tenants.service import existing as existing_tenant
from admin_api.users.models import UserRow
from admin_api.users.service import existing as existing_user
from common.clock import Clock
from common.db.engine import Sessions
from common.http.errors import ConflictError, NotFoundError

_NO_MEMBER: Final = "There is no such member."

Member = tuple[MembershipRow, UserRow]


async def list_members(sessions: Sessions, tenant_id: str, *, limit: int, cursor: str | None) -> Slice[Member]:
    """Those who joined the platform first, first. Raises `NotFoundError`, `InvalidCursorError`."""
    after = decode_cursor(cursor)[0] if cursor is not None else None
    async with sessions.begin() as session:
        await existing_tenant(session, tenant_id)
        rows = await repository.of_tenant(session, tenant_id, limit=limit + 1, after=after)
    return Slice.of(rows, limit, lambda row: encode_cursor(row[0].user_id))


async def put_member(
    sessions: Sessions,
    tenant_id: str,
    user_id: str,
    *,
    role: TenantRole,
    by: TenantRole | None,
    clock: Clock,
    must_be_member: bool = False,
) -> tuple[Member, bool]:
    """The membership as it is now, and whether it is new. With `must_be_member`, only a present one is changed: a tenant's people
    cannot find out who else has an account.

    Raises `NotFoundError`, `ForbiddenError` above one's own role, `LastOwnerError`, and `ConflictError` for a personal tenant.
    """
    async with sessions.begin() as session:
        await repository.hold(session, tenant_id)
        tenant = await existing_tenant(session, tenant_id)
        if must_be_member and await repository.find(session, tenant_id, user_id) is None:
            raise NotFoundError(_NO_MEMBER)
        user = await existing_user(session, user_id)
        row, created = await join(session, tenant, user, role=role, by=by, now=clock())
    return (row, user), created


async def join(
    session: AsyncSession, tenant: TenantRow, user: UserRow, *, role: TenantRole, by: TenantRole | None, now: datetime
) -> tuple[MembershipRow, bool]:
    """`put_member` in the caller's transaction, which holds the tenant's members."""
    if tenant.kind == "personal":
        raise ConflictError("A personal tenant has one member, the person whose it is.", code="personal_tenant")
    row = await repository.find(session, tenant.id, user.id)
    if row is None:
        check_grant(by=by, current=None, wanted=role)
        row = MembershipRow(tenant_id=tenant.id, user_id=user.id, role=role, created_at=now)
        session.add(row)
        return row, True
    current = cast(TenantRole, row.role)
    check_grant(by=by, current=current, wanted=role)
    check_owner_remains(current=current, wanted=role, owners=await repository.count_owners(session, tenant.id))
    row.role = role
    return row, False


async def remove_member(
    sessions: Sessions, tenant_id: str, user_id: str, *, by: TenantRole | None, clock: Clock, propagation: Propagation
) -> None:
    """Their own keys to the tenant are revoked with it.

    Raises `NotFoundError`, `ForbiddenError` for those above oneself, `LastOwnerError`, `ConflictError` for a personal tenant, or
    `NotInForceError` (removed nevertheless).
    """
    async with sessions.begin() as session:
        await repository.hold(session, tenant_id)
        tenant = await existing_tenant(session, tenant_id)
        row = await repository.find(session, tenant_id, user_id)
        if row is None:
            raise NotFoundError(_NO_MEMBER)
        if tenant.kind == "personal":
            raise ConflictError("Nobody can be removed from their personal tenant.", code="personal_tenant")
        current = cast(TenantRole, row.role)
        check_grant(by=by, current=current, wanted=None)
        check_owner_remains(current=current, wanted=None, owners=await repository.count_owners(session, tenant_id))
        await session.delete(row)
        ids = await revoke_personal_keys(session, user_id, tenant_id, clock=clock)
    await propagation.wait(ids)
