"""Use cases of users."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.service import emit_personal_keys
from admin_api.configuration.propagation import Propagation
from admin_api.errors import LastOwnerError, NameTakenError
from admin_api.paging import Slice, decode_cursor, encode_cursor
from admin_api.permissions import PlatformRole
from admin_api.sessions import repository as session_rows
from admin_api.sessions.passwords import Passwords
from admin_api.users import repository
from admin_api.users.domain import USER_PREFIX
from admin_api.users.models import UserRow
from common.clock import Clock
from common.db.constraints import violated_constraint
from common.db.engine import Sessions
from common.http.errors import NotFoundError
from common.ids import is_id, new_id

_MISSING: Final = "There is no such user."


async def list_users(sessions: Sessions, *, limit: int, cursor: str | None) -> Slice[UserRow]:
    """Newest first. Raises `InvalidCursorError`."""
    before = decode_cursor(cursor)[0] if cursor is not None else None
    async with sessions.begin() as session:
        rows = await repository.newest(session, limit=limit + 1, before=before)
    return Slice.of(rows, limit, lambda row: encode_cursor(row.id))


async def read_user(sessions: Sessions, user_id: str) -> UserRow:
    """Raises `NotFoundError`."""
    async with sessions.begin() as session:
        return await existing(session, user_id)


async def existing(session: AsyncSession, user_id: str) -> UserRow:
    """The row of a user. Raises `NotFoundError`, for ids that name nobody and for what is no id."""
    row = await repository.find(session, user_id) if is_id(user_id, USER_PREFIX) else None
    if row is None:
        raise NotFoundError(_MISSING)
    return row


async def create_user(
    sessions: Sessions,
    *,
    clock: Clock,
    passwords: Passwords,
    email: str,
    name: str,
    role: PlatformRole | None,
    password: str,
) -> UserRow:
    """`email` in its normal spelling. Raises `NameTakenError` when it is somebody's."""
    password_hash = await passwords.hash(password)
    try:
        async with sessions.begin() as session:
            row = insert(session, email=email, name=name, role=role, password_hash=password_hash, now=clock())
    except IntegrityError as error:
        if violated_constraint(error) != "users_email_key":
            raise
        raise NameTakenError("There is already a user with this e-mail address.", param="email") from error
    return row


def insert(
    session: AsyncSession,
    *,
    email: str,
    name: str,
    role: PlatformRole | None,
    password_hash: str | None,
    now: datetime,
) -> UserRow:
    """A new user in the caller's transaction; `email` in its normal spelling. Without a hash they sign in elsewhere."""
    row = UserRow(
        id=new_id(USER_PREFIX),
        email=email,
        name=name,
        role=role,
        password_hash=password_hash,
        disabled_at=None,
        created_at=now,
        last_login_at=None,
    )
    session.add(row)
    return row


async def update_user(
    sessions: Sessions, user_id: str, *, clock: Clock, propagation: Propagation, changes: Mapping[str, Any]
) -> UserRow:
    """Set what is in `changes`: `name`, `role`, `disabled`. Nobody chooses another person's password: see `invitations`.

    Raises `NotFoundError`, `LastOwnerError` when nobody could manage users any more, or `NotInForceError` when the edge could not
    be told yet that the person's own keys are out of force (or in it again).
    """
    ids: list[int] = []
    async with sessions.begin() as session:
        await repository.hold_owners(session)
        row = await existing(session, user_id)
        was_owner = _is_enabled_owner(row)
        row.name = changes.get("name", row.name)
        row.role = changes.get("role", row.role)
        if "disabled" in changes:
            row.disabled_by_directory = False
        if "disabled" in changes and changes["disabled"] != (row.disabled_at is not None):
            row.disabled_at = clock() if changes["disabled"] else None
            ids = await emit_personal_keys(session, user_id)
        await session.flush()
        if was_owner and not _is_enabled_owner(row) and not await repository.count_enabled_owners(session):
            raise LastOwnerError
        if row.disabled_at is not None:
            await session_rows.delete_of_user(session, user_id)
    await propagation.wait(ids)
    return row


def _is_enabled_owner(row: UserRow) -> bool:
    return row.role == "owner" and row.disabled_at is None
