"""Every query of provisioning."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from admin_api.scim.domain import Filter
from admin_api.scim.models import (
    ScimGrantRow,
    ScimGroupMemberRow,
    ScimGroupRoleRow,
    ScimGroupRow,
    ScimTokenRow,
    ScimUserRow,
)
from admin_api.tenants.models import TenantRow
from admin_api.users.models import UserRow

_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('control/scim', 0))")

User = tuple[ScimUserRow, UserRow]


async def hold(session: AsyncSession) -> None:
    """One directory's message at a time, until the caller's transaction ends: they are few, and touch each other's people."""
    await session.execute(_HOLD)


async def find_token(session: AsyncSession, token_hash: str) -> ScimTokenRow | None:
    return (await session.scalars(select(ScimTokenRow).where(ScimTokenRow.token_hash == token_hash))).first()


async def tokens(session: AsyncSession) -> Sequence[ScimTokenRow]:
    return (await session.scalars(select(ScimTokenRow).order_by(ScimTokenRow.id.desc()))).all()


async def find_user(session: AsyncSession, user_id: str) -> User | None:
    statement = select(ScimUserRow, UserRow).join(UserRow, UserRow.id == ScimUserRow.user_id)
    row = (await session.execute(statement.where(ScimUserRow.user_id == user_id))).first()
    return None if row is None else (row[0], row[1])


async def find_by_user_name(session: AsyncSession, user_name: str) -> ScimUserRow | None:
    return (await session.scalars(select(ScimUserRow).where(ScimUserRow.user_name == user_name))).first()


async def users(session: AsyncSession, wanted: Filter | None, *, start: int, count: int) -> tuple[int, Sequence[User]]:
    """How many there are, and some of them, by their ids. `start` is zero-based. Unknown attributes match nobody."""
    columns: Mapping[str, InstrumentedAttribute[Any]] = {
        "username": ScimUserRow.user_name,
        "externalid": ScimUserRow.external_id,
        "id": ScimUserRow.user_id,
        "emails.value": UserRow.email,
        "emails": UserRow.email,
        'emails[type eq "work"].value': UserRow.email,
    }
    statement = select(ScimUserRow, UserRow).join(UserRow, UserRow.id == ScimUserRow.user_id)
    if wanted is not None:
        if wanted.attribute not in columns:
            return 0, []
        is_exact = wanted.attribute in {"externalid", "id"}
        statement = statement.where(columns[wanted.attribute] == (wanted.value if is_exact else wanted.value.lower()))
    total = await session.scalar(select(func.count()).select_from(statement.subquery()))
    page = statement.order_by(ScimUserRow.user_id).offset(start).limit(count)
    return int(total or 0), [(row[0], row[1]) for row in await session.execute(page)]


async def groups(
    session: AsyncSession, wanted: Filter | None, *, start: int, count: int
) -> tuple[int, Sequence[ScimGroupRow]]:
    """As `users`."""
    columns: Mapping[str, InstrumentedAttribute[Any]] = {
        "displayname": ScimGroupRow.display_name,
        "externalid": ScimGroupRow.external_id,
        "id": ScimGroupRow.id,
    }
    statement = select(ScimGroupRow)
    if wanted is not None:
        if wanted.attribute not in columns:
            return 0, []
        statement = statement.where(columns[wanted.attribute] == wanted.value)
    total = await session.scalar(select(func.count()).select_from(statement.subquery()))
    page = statement.order_by(ScimGroupRow.id).offset(start).limit(count)
    return int(total or 0), (await session.scalars(page)).all()


async def find_group(session: AsyncSession, group_id: str) -> ScimGroupRow | None:
    return await session.get(ScimGroupRow, group_id)


async def members(session: AsyncSession, group_id: str) -> dict[str, str]:
    """The names of a group's people, by their ids."""
    statement = (
        select(UserRow.id, UserRow.name)
        .join(ScimGroupMemberRow, ScimGroupMemberRow.user_id == UserRow.id)
        .where(ScimGroupMemberRow.group_id == group_id)
        .order_by(UserRow.id)
    )
    return {row.id: row.name for row in await session.execute(statement)}


async def member_rows(session: AsyncSession, group_id: str) -> dict[str, ScimGroupMemberRow]:
    statement = select(ScimGroupMemberRow).where(ScimGroupMemberRow.group_id == group_id)
    return {row.user_id: row for row in await session.scalars(statement)}


async def known_users(session: AsyncSession, user_ids: Collection[str]) -> set[str]:
    return set(await session.scalars(select(ScimUserRow.user_id).where(ScimUserRow.user_id.in_(user_ids))))


async def groups_of(session: AsyncSession, user_id: str) -> Sequence[ScimGroupRow]:
    statement = (
        select(ScimGroupRow)
        .join(ScimGroupMemberRow, ScimGroupMemberRow.group_id == ScimGroupRow.id)
        .where(ScimGroupMemberRow.user_id == user_id)
        .order_by(ScimGroupRow.id)
    )
    return (await session.scalars(statement)).all()


async def roles(session: AsyncSession, group_ids: Collection[str]) -> Sequence[ScimGroupRoleRow]:
    """What these groups give, but for tenants that are no more."""
    statement = (
        select(ScimGroupRoleRow)
        .join(TenantRow, TenantRow.id == ScimGroupRoleRow.tenant_id)
        .where(ScimGroupRoleRow.group_id.in_(group_ids), TenantRow.status != "deleted", TenantRow.kind != "personal")
        .order_by(ScimGroupRoleRow.group_id, ScimGroupRoleRow.tenant_id)
    )
    return (await session.scalars(statement)).all()


async def grants(session: AsyncSession, user_id: str) -> Mapping[str, ScimGrantRow]:
    """What groups have given a person, by tenant."""
    rows = await session.scalars(select(ScimGrantRow).where(ScimGrantRow.user_id == user_id))
    return {row.tenant_id: row for row in rows}
