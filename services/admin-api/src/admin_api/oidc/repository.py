"""Every query on identities and on sessions that come from a provider."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.oidc.models import IdentityRow, SsoSessionRow
from admin_api.sessions.models import SessionRow


async def find_identity(session: AsyncSession, issuer: str, subject: str) -> IdentityRow | None:
    return await session.get(IdentityRow, (issuer, subject), with_for_update=True)


async def end_sessions(
    session: AsyncSession, *, issuer: str, subject: str | None, sid: str | None, started_before: datetime
) -> int:
    """End what a provider wants ended: one of its sessions, or all of a person. Later ones stay; how many went."""
    who: list[ColumnElement[bool]] = []
    if sid is not None:
        who.append(SsoSessionRow.sid == sid)
    if subject is not None:
        who.append(SsoSessionRow.subject == subject)
    wanted = who[0] if sid is not None else or_(*who)
    meant = select(SsoSessionRow.session_id).where(
        SsoSessionRow.issuer == issuer, SsoSessionRow.started_at <= started_before, wanted
    )
    gone = await session.execute(delete(SessionRow).where(SessionRow.id.in_(meant)).returning(SessionRow.id))
    return len(gone.all())


async def due_for_check(session: AsyncSession, *, checked_before: datetime, limit: int) -> Sequence[SsoSessionRow]:
    """Sessions whose provider is to be asked again; for this caller alone."""
    statement = (
        select(SsoSessionRow)
        .where(SsoSessionRow.refresh_token.is_not(None), SsoSessionRow.checked_at <= checked_before)
        .order_by(SsoSessionRow.checked_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(statement)).all()


async def end_session(session: AsyncSession, session_id: str) -> None:
    await session.execute(delete(SessionRow).where(SessionRow.id == session_id))
