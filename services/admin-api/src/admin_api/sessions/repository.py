"""Every query on sessions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.sessions.models import SessionRow
from admin_api.users.models import UserRow


async def find_with_user(session: AsyncSession, token_hash: str) -> tuple[SessionRow, UserRow] | None:
    """The session of a token and whose it is, alive or not."""
    statement = (
        select(SessionRow, UserRow)
        .join(UserRow, UserRow.id == SessionRow.user_id)
        .where(SessionRow.token_hash == token_hash)
    )
    row = (await session.execute(statement)).one_or_none()
    return None if row is None else (row[0], row[1])


async def touch(session: AsyncSession, session_id: str, now: datetime) -> None:
    await session.execute(update(SessionRow).where(SessionRow.id == session_id).values(last_seen_at=now))


async def delete_by_token(session: AsyncSession, token_hash: str) -> None:
    await session.execute(delete(SessionRow).where(SessionRow.token_hash == token_hash))


async def of_user(session: AsyncSession, user_id: str) -> Sequence[SessionRow]:
    statement = select(SessionRow).where(SessionRow.user_id == user_id).order_by(SessionRow.id.desc())
    return (await session.execute(statement)).scalars().all()


async def delete_of_user_by_id(session: AsyncSession, user_id: str, session_id: str) -> bool:
    """Whether there was such a session of this user."""
    statement = delete(SessionRow).where(SessionRow.id == session_id, SessionRow.user_id == user_id)
    return (await session.execute(statement.returning(SessionRow.id))).first() is not None


async def delete_of_user(session: AsyncSession, user_id: str, *, keep: str | None = None) -> None:
    """End every session of a user, except the session with the id `keep`."""
    statement = delete(SessionRow).where(SessionRow.user_id == user_id)
    if keep is not None:
        statement = statement.where(SessionRow.id != keep)
    await session.execute(statement)


async def delete_ended(session: AsyncSession, *, expired_before: datetime, idle_before: datetime) -> None:
    """Remove the sessions nobody can use any more."""
    await session.execute(
        delete(SessionRow).where((SessionRow.expires_at <= expired_before) | (SessionRow.last_seen_at <= idle_before))
    )
