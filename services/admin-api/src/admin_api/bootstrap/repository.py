"""Every query on what was bootstrapped before."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.bootstrap.models import BootstrapEntryRow


async def resource_id(session: AsyncSession, kind: str, name: str) -> str | None:
    """What an entry became; `None` for one that is new."""
    row = await session.get(BootstrapEntryRow, (kind, name))
    return None if row is None else row.resource_id


async def remember(session: AsyncSession, kind: str, name: str, resource: str, *, now: datetime) -> None:
    """From now on this entry is no longer new."""
    row = await session.get(BootstrapEntryRow, (kind, name))
    if row is None:
        session.add(BootstrapEntryRow(kind=kind, name=name, resource_id=resource, created_at=now))
    elif row.resource_id != resource:
        row.resource_id = resource
