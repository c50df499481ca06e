"""Every query on users."""

from collections.abc import Sequence

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.users.models import UserRow

_HOLD_OWNERS = text("SELECT pg_advisory_xact_lock(hashtextextended('control/owners', 0))")


async def find(session: AsyncSession, user_id: str, *, for_update: bool = False) -> UserRow | None:
    return await session.get(UserRow, user_id, with_for_update=for_update)


async def find_by_email(session: AsyncSession, email: str) -> UserRow | None:
    """`email` in its normal spelling."""
    return (await session.execute(select(UserRow).where(UserRow.email == email))).scalar_one_or_none()


async def newest(session: AsyncSession, *, limit: int, before: str | None) -> Sequence[UserRow]:
    """At most `limit` users, newest first, older than the one with the id `before`."""
    statement = select(UserRow).order_by(UserRow.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(UserRow.id < before)
    return (await session.execute(statement)).scalars().all()


async def hold_owners(session: AsyncSession) -> None:
    """Let nobody else change who is an owner until the caller's transaction ends."""
    await session.execute(_HOLD_OWNERS)


async def count_enabled_owners(session: AsyncSession) -> int:
    statement = select(func.count()).where(UserRow.role == "owner", UserRow.disabled_at.is_(None))
    return (await session.execute(statement)).scalar_one()
