"""Use cases of people, as a directory has them. Whom it removes is disabled and kept: what they did and spent keeps its name."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.service import emit_personal_keys
from admin_api.configuration.propagation import Propagation
from admin_api.scim import repository
from admin_api.scim.domain import ScimError, UserChange, invalid
from admin_api.scim.grants import follow_groups
from admin_api.scim.models import ScimUserRow
from admin_api.scim.repository import User
from admin_api.sessions import repository as session_rows
from admin_api.users import repository as users
from admin_api.users.models import UserRow
from admin_api.users.service import insert as insert_user
from common.clock import Clock
from common.db.engine import Sessions


async def create(sessions: Sessions, change: UserChange, *, clock: Clock, propagation: Propagation) -> str:
    """The id. An account that is there with the same address becomes the directory's. Raises `ScimError`, `NotInForceError`."""
    if change.user_name is None:
        raise invalid("userName is needed")
    address = change.address
    if address is None:
        raise invalid("emails is needed where userName is no address")
    async with sessions.begin() as session:
        await repository.hold(session)
        await users.hold_owners(session)
        if await repository.find_by_user_name(session, change.user_name) is not None:
            raise ScimError(409, "There is already a user with this userName.", "uniqueness")
        user = await users.find_by_email(session, address)
        if user is not None and await repository.find_user(session, user.id) is not None:
            raise ScimError(409, "There is already a user with this address.", "uniqueness")
        if user is None:
            name = change.full_name or change.user_name
            user = insert_user(session, email=address, name=name[:100], role=None, password_hash=None, now=clock())
            await session.flush()
        row = ScimUserRow(
            user_id=user.id,
            user_name=change.user_name,
            external_id=change.external_id,
            platform_role=None,
            created_at=clock(),
        )
        session.add(row)
        ids = await _set_active(session, user, change.active is not False, now=clock())
    await propagation.wait(ids)
    return user.id


async def update(
    sessions: Sessions, user_id: str, change: UserChange, *, clock: Clock, propagation: Propagation
) -> None:
    """Raises `ScimError`, or `NotInForceError` when it is saved but the edge could not be told."""
    async with sessions.begin() as session:
        await repository.hold(session)
        await users.hold_owners(session)
        row, user = await _existing(session, user_id)
        if change.user_name is not None and change.user_name != row.user_name:
            if await repository.find_by_user_name(session, change.user_name) is not None:
                raise ScimError(409, "There is already a user with this userName.", "uniqueness")
            row.user_name = change.user_name
        if change.email is not None and change.email != user.email:
            if await users.find_by_email(session, change.email) is not None:
                raise ScimError(409, "There is already a user with this address.", "uniqueness")
            user.email = change.email
        if change.full_name is not None:
            user.name = change.full_name[:100]
        if change.external_id is not None:
            row.external_id = change.external_id
        ids = [] if change.active is None else await _set_active(session, user, change.active, now=clock())
    await propagation.wait(ids)


async def remove(sessions: Sessions, user_id: str, *, clock: Clock, propagation: Propagation) -> None:
    """Disabled at once, out of all groups, and nobody of the directory's any more. Raises `ScimError`, `NotInForceError`."""
    async with sessions.begin() as session:
        await repository.hold(session)
        await users.hold_owners(session)
        row, user = await _existing(session, user_id)
        ids = await _set_active(session, user, False, now=clock())
        for group in await repository.groups_of(session, user_id):
            await session.delete((await repository.member_rows(session, group.id))[user_id])
        ids += await follow_groups(session, [user_id], clock=clock)
        await session.delete(row)
    await propagation.wait(ids)


async def read(session: AsyncSession, user_id: str) -> User:
    """Raises `ScimError`."""
    return await _existing(session, user_id)


async def _set_active(session: AsyncSession, user: UserRow, active: bool, *, now: datetime) -> list[int]:
    """In or out: whoever is out has no session, and no key of their own in force. Access tokens go by the person.

    Whom people have disabled stays so, whatever the directory says: it says it of everybody, again and again.
    """
    if active == (user.disabled_at is None) or (active and not user.disabled_by_directory):
        return []
    user.disabled_at = None if active else now
    user.disabled_by_directory = not active
    await session.flush()
    if not active:
        if user.role == "owner" and not await users.count_enabled_owners(session):
            raise ScimError(409, "This is the last owner of the platform.", "mutability")
        await session_rows.delete_of_user(session, user.id)
    return await emit_personal_keys(session, user.id)


async def _existing(session: AsyncSession, user_id: str) -> User:
    found = await repository.find_user(session, user_id)
    if found is None:
        raise ScimError(404, "There is no such user.")
    return found
