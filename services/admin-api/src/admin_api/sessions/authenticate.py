"""Who a request comes from: the use case behind every guarded endpoint."""

from typing import cast

from admin_api.permissions import Role
from admin_api.sessions import repository
from admin_api.sessions.domain import Principal, SessionPolicy, hash_token
from common.clock import Clock
from common.db.engine import Sessions
from common.http.errors import UnauthenticatedError


async def authenticate(token: str | None, *, sessions: Sessions, clock: Clock, policy: SessionPolicy) -> Principal:
    """The person whose session cookie `token` is. Raises `UnauthenticatedError` whatever is wrong with it."""
    if not token or len(token) > 256:
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
        return Principal(user_id=user.id, role=cast(Role, user.role), session_id=row.id)
