"""Use cases of one's own account."""

from collections.abc import Mapping, Sequence
from typing import Any

from admin_api.audit.service import note
from admin_api.errors import InvalidCredentialsError
from admin_api.memberships import repository as memberships
from admin_api.memberships.models import MembershipRow
from admin_api.sessions import repository as session_rows
from admin_api.sessions.domain import Principal
from admin_api.sessions.passwords import Passwords
from admin_api.sessions.throttle import LoginThrottle
from admin_api.tenants.models import TenantRow
from admin_api.users.models import UserRow
from admin_api.users.service import existing as existing_user
from common.db.engine import Sessions
from common.http.errors import ConflictError


async def read_profile(sessions: Sessions, user_id: str) -> UserRow:
    async with sessions.begin() as session:
        return await existing_user(session, user_id)


async def update_profile(sessions: Sessions, user_id: str, *, changes: Mapping[str, Any]) -> UserRow:
    """Set `name` or `theme`."""
    async with sessions.begin() as session:
        row = await existing_user(session, user_id)
        for field, value in changes.items():
            setattr(row, field, value)
    return row


async def change_password(
    sessions: Sessions,
    by: Principal,
    *,
    current: str,
    new: str,
    passwords: Passwords,
    throttle: LoginThrottle,
    address: str,
) -> None:
    """End all other sessions, too: whoever knew the old password is out.

    Raises `InvalidCredentialsError` for a wrong current password, `ConflictError` when there is none, `TooManyRequestsError`.
    """
    account = f"password-of:{by.user_id}"
    await throttle.admit(account=account, address=address)
    async with sessions.begin() as session:
        stored = (await existing_user(session, by.user_id)).password_hash
    if stored is None:
        raise ConflictError("You sign in without a password here.", code="no_password")
    if not await passwords.verify(stored, current):
        raise InvalidCredentialsError("The current password is wrong.")
    fresh = await passwords.hash(new)
    async with sessions.begin() as session:
        row = await existing_user(session, by.user_id)
        if row.password_hash != stored:
            raise InvalidCredentialsError("The current password is wrong.")
        row.password_hash = fresh
        await session_rows.delete_of_user(session, by.user_id, keep=by.session_id)
        await note(session, "password.changed", resource_type="user", resource_id=by.user_id)
    await throttle.forgive(account=account, address=address)


async def list_tenants(sessions: Sessions, user_id: str) -> Sequence[tuple[MembershipRow, TenantRow]]:
    """Those the person belongs to, their personal one first."""
    async with sessions.begin() as session:
        return await memberships.of_user(session, user_id)
