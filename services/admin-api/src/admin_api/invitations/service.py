"""Use cases of invitations: handing out one-time links, and using them.

Whoever holds a link can join as a new person, with a name and a password of their own. For an address that has an account already,
that account's person must be signed in: a link never touches an account's password. The one exception is the link that is made for
just that, by the platform's owners, and it ends all of the person's sessions.
"""

from typing import Final, cast

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.audit.actor import Actor, acting
from admin_api.errors import AccountExistsError
from admin_api.invitations import repository
from admin_api.invitations.domain import INVITATION_PREFIX, LIFE, Purpose, is_token, new_token
from admin_api.invitations.models import InvitationRow
from admin_api.memberships import repository as memberships
from admin_api.memberships.domain import check_grant
from admin_api.memberships.service import join
from admin_api.oidc.sign_on import LocalSignIn
from admin_api.paging import Slice, decode_cursor, encode_cursor
from admin_api.permissions import PlatformRole, TenantRole
from admin_api.sessions import repository as session_rows
from admin_api.sessions.domain import Principal, SessionPolicy, hash_token
from admin_api.sessions.passwords import Passwords
from admin_api.sessions.service import LOCAL, start_session
from admin_api.tenants.models import TenantRow
from admin_api.tenants.service import existing as existing_tenant
from admin_api.users import repository as users
from admin_api.users.models import UserRow
from admin_api.users.service import existing as existing_user
from admin_api.users.service import insert as insert_user
from common.clock import Clock
from common.db.engine import Sessions
from common.http.errors import ConflictError, ForbiddenError, NotFoundError
from common.http.request_id import current_request_id
from common.ids import is_id, new_id

_UNUSABLE: Final = "This link is not valid: it was used, withdrawn, or is too old."
_MISSING: Final = "There is no such invitation."
_NO_PASSWORDS: Final = (
    "Passwords are switched off here: sign in with your company's identity provider, then open this link again."
)


async def invite_to_tenant(
    sessions: Sessions,
    tenant_id: str,
    *,
    email: str,
    role: TenantRole,
    by: Principal,
    by_role: TenantRole | None,
    clock: Clock,
) -> tuple[InvitationRow, str]:
    """The invitation and its token. It replaces what the same address was sent before for this tenant.

    Raises `NotFoundError`, `ForbiddenError` above one's own role, `ConflictError` for a member or a personal tenant.
    """
    check_grant(by=by_role, current=None, wanted=role)
    async with sessions.begin() as session:
        tenant = await existing_tenant(session, tenant_id)
        if tenant.kind == "personal":
            raise ConflictError("A personal tenant has one member, the person whose it is.", code="personal_tenant")
        user = await users.find_by_email(session, email)
        if user is not None and await memberships.find(session, tenant_id, user.id) is not None:
            raise ConflictError("This person is a member already.", code="already_exists", param="email")
        return await _insert(session, "membership", email=email, tenant_id=tenant_id, role=role, by=by, clock=clock)


async def invite_to_platform(
    sessions: Sessions, *, email: str, role: PlatformRole | None, by: Principal, clock: Clock
) -> tuple[InvitationRow, str]:
    """The invitation and its token. Raises `ConflictError` when the address has an account."""
    async with sessions.begin() as session:
        if await users.find_by_email(session, email) is not None:
            raise ConflictError("There is already a user with this address.", code="already_exists", param="email")
        return await _insert(session, "platform", email=email, tenant_id=None, role=role, by=by, clock=clock)


async def make_password_link(
    sessions: Sessions, user_id: str, *, by: Principal, clock: Clock
) -> tuple[InvitationRow, str]:
    """A link with which a person chooses a new password. Raises `NotFoundError`, `ConflictError` for who is disabled."""
    async with sessions.begin() as session:
        user = await existing_user(session, user_id)
        if user.disabled_at is not None:
            raise ConflictError("This user is disabled.", code="disabled")
        return await _insert(session, "password", email=user.email, tenant_id=None, role=None, by=by, clock=clock)


async def list_open(
    sessions: Sessions, tenant_id: str | None, *, clock: Clock, limit: int, cursor: str | None
) -> Slice[InvitationRow]:
    """Those that can still be used, of a tenant or of the platform, newest first. Raises `NotFoundError`, `InvalidCursorError`."""
    before = decode_cursor(cursor)[0] if cursor is not None else None
    async with sessions.begin() as session:
        if tenant_id is not None:
            await existing_tenant(session, tenant_id)
        rows = await repository.open_ones(session, tenant_id, now=clock(), limit=limit + 1, before=before)
    return Slice.of(rows, limit, lambda row: encode_cursor(row.id))


async def withdraw(sessions: Sessions, tenant_id: str | None, invitation_id: str) -> None:
    """Its link is worth nothing from now on. Raises `NotFoundError`."""
    async with sessions.begin() as session:
        found = is_id(invitation_id, INVITATION_PREFIX)
        row = await repository.find(session, invitation_id, tenant_id) if found else None
        if row is None or row.used_at is not None:
            raise NotFoundError(_MISSING)
        await session.delete(row)


async def look(sessions: Sessions, token: str, *, clock: Clock) -> tuple[InvitationRow, str | None, bool]:
    """What a link is for: the invitation, the tenant's name, and whether its address has an account. Raises `NotFoundError`."""
    async with sessions.begin() as session:
        row = await _usable(session, token, clock)
        tenant = None if row.tenant_id is None else await existing_tenant(session, row.tenant_id)
        user = await users.find_by_email(session, row.email)
    return row, None if tenant is None else tenant.name, user is not None


async def register(
    sessions: Sessions,
    token: str,
    *,
    name: str,
    password: str,
    clock: Clock,
    policy: SessionPolicy,
    passwords: Passwords,
    address: str | None,
    allowed: LocalSignIn,
) -> tuple[str, UserRow]:
    """Join as a new person: a session's token, and whose it is.

    Raises `NotFoundError` for a link that is not valid, `AccountExistsError` when its address has an account, `ForbiddenError`
    where passwords are switched off.
    """
    async with sessions.begin() as session:
        found = await _newcomer(session, token, clock)  # before the costly hash is computed for anybody who asks
    if not (allowed.admins if found.purpose == "platform" and found.role else allowed.users):
        raise ForbiddenError(_NO_PASSWORDS, code="local_sign_in_disabled")
    password_hash = await passwords.hash(password)
    with acting(_bearer(token, address)):
        async with sessions.begin() as session:
            row = await _newcomer(session, token, clock)
            user = insert_user(
                session,
                email=row.email,
                name=name,
                role=cast(PlatformRole | None, row.role) if row.purpose == "platform" else None,
                password_hash=password_hash,
                now=clock(),
            )
            await session.flush()
            await _use(session, row, user, clock)
            return await start_session(session, user, clock=clock, policy=policy, method=LOCAL), user


async def choose_password(
    sessions: Sessions, token: str, *, password: str, clock: Clock, passwords: Passwords, address: str | None
) -> None:
    """A new password for the person whom the link was made for; all their sessions end. Raises `NotFoundError`."""
    async with sessions.begin() as session:
        await _forgetful(session, token, clock)
    password_hash = await passwords.hash(password)
    with acting(_bearer(token, address)):
        async with sessions.begin() as session:
            row, user = await _forgetful(session, token, clock)
            user.password_hash = password_hash
            row.used_at = clock()
            await session_rows.delete_of_user(session, user.id)


async def accept(sessions: Sessions, token: str, *, by: Principal, clock: Clock) -> TenantRow | None:
    """Join as a person who has an account; the tenant, if it is one. Raises `NotFoundError`, `ForbiddenError` for somebody else."""
    async with sessions.begin() as session:
        row = await _usable(session, token, clock)
        user = await existing_user(session, by.user_id)
        if row.purpose == "password":
            raise NotFoundError(_UNUSABLE)
        if row.email != user.email:
            raise ForbiddenError("This invitation is for another address. Sign in as the person it is for.")
        return await _use(session, row, user, clock)


async def _insert(
    session: AsyncSession,
    purpose: Purpose,
    *,
    email: str,
    tenant_id: str | None,
    role: str | None,
    by: Principal,
    clock: Clock,
) -> tuple[InvitationRow, str]:
    for earlier in await repository.open_ones_for(session, email, purpose=purpose, tenant_id=tenant_id):
        await session.delete(earlier)
    token, now = new_token(), clock()
    row = InvitationRow(
        id=new_id(INVITATION_PREFIX),
        token_hash=hash_token(token),
        purpose=purpose,
        email=email,
        tenant_id=tenant_id,
        role=role,
        invited_by=by.user_id,
        created_at=now,
        expires_at=now + LIFE[purpose],
        used_at=None,
    )
    session.add(row)
    return row, token


async def _usable(session: AsyncSession, token: str, clock: Clock) -> InvitationRow:
    row = await repository.find_by_token(session, hash_token(token)) if is_token(token) else None
    if row is None or row.used_at is not None or row.expires_at <= clock():
        raise NotFoundError(_UNUSABLE)
    return row


async def _newcomer(session: AsyncSession, token: str, clock: Clock) -> InvitationRow:
    row = await _usable(session, token, clock)
    if row.purpose == "password":
        raise NotFoundError(_UNUSABLE)
    if await users.find_by_email(session, row.email) is not None:
        raise AccountExistsError
    return row


async def _forgetful(session: AsyncSession, token: str, clock: Clock) -> tuple[InvitationRow, UserRow]:
    row = await _usable(session, token, clock)
    user = await users.find_by_email(session, row.email) if row.purpose == "password" else None
    if user is None or user.disabled_at is not None:
        raise NotFoundError(_UNUSABLE)
    return row, user


async def _use(session: AsyncSession, row: InvitationRow, user: UserRow, clock: Clock) -> TenantRow | None:
    row.used_at = clock()
    if row.tenant_id is None:
        return None
    await memberships.hold(session, row.tenant_id)
    tenant = await existing_tenant(session, row.tenant_id)
    if await memberships.find(session, tenant.id, user.id) is None:
        await join(session, tenant, user, role=cast(TenantRole, row.role), by=None, now=clock())
    return tenant


def _bearer(token: str, address: str | None) -> Actor:
    return Actor(kind="invitation", id=hash_token(token)[:16], address=address, request_id=current_request_id())
