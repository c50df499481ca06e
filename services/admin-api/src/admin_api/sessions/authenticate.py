"""Who a request comes from: the use case behind every guarded endpoint."""

from typing import cast

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.access_tokens import repository as access_tokens
from admin_api.access_tokens.domain import is_access_token
from admin_api.memberships import repository as memberships
from admin_api.permissions import Permission, PlatformRole
from admin_api.sessions import repository
from admin_api.sessions.domain import Principal, SessionPolicy, hash_token
from admin_api.users.models import UserRow
from common.clock import Clock
from common.db.engine import Sessions
from common.http.errors import UnauthenticatedError

_LONGEST_TOKEN = 256


async def authenticate(token: str | None, *, sessions: Sessions, clock: Clock, policy: SessionPolicy) -> Principal:
    """The person whose session cookie `token` is. Raises `UnauthenticatedError` whatever is wrong with it."""
    if not token or len(token) > _LONGEST_TOKEN:
        raise UnauthenticatedError("Sign in first.")
    now = clock()
    async with sessions.begin() as session:
        found = await repository.find_with_user(session, hash_token(token))
        if found is None:
            raise UnauthenticatedError("Sign in first.")
        row, user = found
        if user.disabled_at is not None or not policy.is_alive(
            last_seen_at=row.last_seen_at, expires_at=row.expires_at, now=now
        ):
            raise UnauthenticatedError("Your session has ended. Sign in again.")
        if policy.needs_touch(last_seen_at=row.last_seen_at, now=now):
            await repository.touch(session, row.id, now)
        return await _principal(session, user, session_id=row.id)


async def authenticate_program(token: str, *, sessions: Sessions, clock: Clock) -> Principal:
    """The person whose access token this is. Raises `UnauthenticatedError` whatever is wrong with it."""
    if not is_access_token(token):
        raise UnauthenticatedError("This is not an access token.")
    now = clock()
    async with sessions.begin() as session:
        found = await access_tokens.find_with_user(session, hash_token(token))
        if found is None:
            raise UnauthenticatedError("This access token is not valid.")
        row, user = found
        if user.disabled_at is not None or row.revoked_at is not None or row.expires_at <= now:
            raise UnauthenticatedError("This access token is not valid.")
        access_tokens.touch(row, now)
        permissions = None if row.permissions is None else frozenset(cast(list[Permission], row.permissions))
        return await _principal(session, user, access_token_id=row.id, narrowed_to=permissions)


async def _principal(
    session: AsyncSession,
    user: UserRow,
    *,
    session_id: str | None = None,
    access_token_id: str | None = None,
    narrowed_to: frozenset[Permission] | None = None,
) -> Principal:
    return Principal(
        user_id=user.id,
        role=cast(PlatformRole | None, user.role),
        tenant_roles=await memberships.roles_of(session, user.id),
        session_id=session_id,
        access_token_id=access_token_id,
        narrowed_to=narrowed_to,
    )
