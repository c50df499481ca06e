"""Every query on invitations."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.invitations.models import InvitationRow


async def find_by_token(session: AsyncSession, token_hash: str) -> InvitationRow | None:
    """Nobody else can use it until the caller's transaction ends."""
    statement = select(InvitationRow).where(InvitationRow.token_hash == token_hash).with_for_update()
    return (await session.execute(statement)).scalar_one_or_none()


async def find(session: AsyncSession, invitation_id: str, tenant_id: str | None) -> InvitationRow | None:
    """Of a tenant, or of the platform."""
    row = await session.get(InvitationRow, invitation_id, with_for_update=True)
    return row if row is not None and row.tenant_id == tenant_id else None


async def open_ones(
    session: AsyncSession, tenant_id: str | None, *, now: datetime, limit: int, before: str | None
) -> Sequence[InvitationRow]:
    """At most `limit` that can still be used, of a tenant or of the platform, newest first, older than the id `before`."""
    statement = (
        select(InvitationRow)
        .where(InvitationRow.used_at.is_(None), InvitationRow.expires_at > now)
        .order_by(InvitationRow.id.desc())
        .limit(limit)
    )
    of = InvitationRow.tenant_id.is_(None) if tenant_id is None else InvitationRow.tenant_id == tenant_id
    statement = statement.where(of)
    if before is not None:
        statement = statement.where(InvitationRow.id < before)
    return (await session.execute(statement)).scalars().all()


async def open_ones_for(
    session: AsyncSession, email: str, *, purpose: str, tenant_id: str | None
) -> Sequence[InvitationRow]:
    """Those of one kind for one address that nobody has used."""
    statement = select(InvitationRow).where(
        InvitationRow.email == email,
        InvitationRow.purpose == purpose,
        InvitationRow.tenant_id.is_(None) if tenant_id is None else InvitationRow.tenant_id == tenant_id,
        InvitationRow.used_at.is_(None),
    )
    return (await session.execute(statement)).scalars().all()
