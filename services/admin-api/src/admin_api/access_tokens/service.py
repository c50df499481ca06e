"""Use cases of personal access tokens."""

from collections.abc import Sequence
from datetime import datetime

from admin_api.access_tokens import repository
from admin_api.access_tokens.domain import (
    DEFAULT_LIFE,
    ID_PREFIX,
    LONGEST_LIFE,
    MAX_PER_USER,
    hint_of,
    new_access_token,
)
from admin_api.access_tokens.models import AccessTokenRow
from admin_api.permissions import Permission
from admin_api.sessions.domain import hash_token
from admin_api.users.service import existing as existing_user
from common.clock import Clock
from common.db.engine import Sessions
from common.http.errors import ConflictError, InvalidRequestError, NotFoundError
from common.ids import is_id, new_id


async def list_tokens(sessions: Sessions, user_id: str) -> Sequence[AccessTokenRow]:
    """A person's tokens that are not revoked, newest first."""
    async with sessions.begin() as session:
        return await repository.of_user(session, user_id)


async def create_token(
    sessions: Sessions,
    user_id: str,
    *,
    name: str,
    permissions: Sequence[Permission] | None,
    expires_at: datetime | None,
    clock: Clock,
) -> tuple[AccessTokenRow, str]:
    """The token's row, and the token, which exists nowhere else. Without an end it is valid for 90 days.

    Raises `InvalidRequestError` for an end that has passed or is more than a year away, `ConflictError` for one token too many.
    """
    now = clock()
    ends = now + DEFAULT_LIFE if expires_at is None else expires_at
    if not now < ends <= now + LONGEST_LIFE:
        raise InvalidRequestError(
            "expires_at: must be in the future, and within a year.", code="invalid_value", param="expires_at"
        )
    token = new_access_token()
    async with sessions.begin() as session:
        await existing_user(session, user_id)
        if await repository.count_valid(session, user_id, now) >= MAX_PER_USER:
            raise ConflictError(f"More than {MAX_PER_USER} access tokens are not allowed. Revoke one.", code="too_many")
        row = AccessTokenRow(
            id=new_id(ID_PREFIX),
            user_id=user_id,
            name=name,
            token_hash=hash_token(token),
            hint=hint_of(token),
            permissions=None if permissions is None else list(dict.fromkeys(permissions)),
            created_at=now,
            expires_at=ends,
            revoked_at=None,
            last_used_at=None,
        )
        session.add(row)
    return row, token


async def revoke_token(sessions: Sessions, user_id: str, token_id: str, *, clock: Clock) -> None:
    """In force at once; repeating it does no harm. Raises `NotFoundError`."""
    async with sessions.begin() as session:
        row = await repository.find_of_user(session, user_id, token_id) if is_id(token_id, ID_PREFIX) else None
        if row is None:
            raise NotFoundError("There is no such access token.")
        row.revoked_at = row.revoked_at or clock()
