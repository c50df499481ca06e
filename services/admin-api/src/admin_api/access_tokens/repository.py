"""Every query on personal access tokens."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.access_tokens.domain import TOUCH_AFTER
from admin_api.access_tokens.models import AccessTokenRow
from admin_api.users.models import UserRow


async def find_with_user(session: AsyncSession, token_hash: str) -> tuple[AccessTokenRow, UserRow] | None:
    """A token and whose it is, valid or not."""
    statement = (
        select(AccessTokenRow, UserRow)
        .join(UserRow, UserRow.id == AccessTokenRow.user_id)
        .where(AccessTokenRow.token_hash == token_hash)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else (row[0], row[1])


def touch(row: AccessTokenRow, now: datetime) -> None:
    """Note a use, unless one was noted a moment ago."""
    if row.last_used_at is None or now >= row.last_used_at + TOUCH_AFTER:
        row.last_used_at = now


async def find_of_user(session: AsyncSession, user_id: str, token_id: str) -> AccessTokenRow | None:
    statement = select(AccessTokenRow).where(AccessTokenRow.id == token_id, AccessTokenRow.user_id == user_id)
    return (await session.execute(statement)).scalar_one_or_none()


async def of_user(session: AsyncSession, user_id: str) -> Sequence[AccessTokenRow]:
    """All that are not revoked, newest first."""
    statement = (
        select(AccessTokenRow)
        .where(AccessTokenRow.user_id == user_id, AccessTokenRow.revoked_at.is_(None))
        .order_by(AccessTokenRow.id.desc())
    )
    return (await session.execute(statement)).scalars().all()


async def count_valid(session: AsyncSession, user_id: str, now: datetime) -> int:
    statement = (
        select(func.count())
        .select_from(AccessTokenRow)
        .where(AccessTokenRow.user_id == user_id, AccessTokenRow.revoked_at.is_(None), AccessTokenRow.expires_at > now)
    )
    return (await session.execute(statement)).scalar_one()
