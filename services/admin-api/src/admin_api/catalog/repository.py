"""Every query on the catalog."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from admin_api.catalog.domain import FALLBACK_KINDS
from admin_api.catalog.models import ModelRow, RouteRow

WITH_ROUTES: Final = selectinload(ModelRow.routes).selectinload(RouteRow.prices)


async def find(session: AsyncSession, alias: str) -> ModelRow | None:
    """An alias with its routes and their prices."""
    return await session.get(ModelRow, alias, options=[WITH_ROUTES])


async def fallbacks(session: AsyncSession) -> dict[str, dict[str, list[str]]]:
    """By kind, the lists of every alias there is."""
    rows = list(await session.execute(select(ModelRow.alias, *(getattr(ModelRow, kind) for kind in FALLBACK_KINDS))))
    return {kind: {row.alias: getattr(row, kind) for row in rows} for kind in FALLBACK_KINDS}


async def newest(session: AsyncSession, *, limit: int, before: tuple[datetime, str] | None) -> Sequence[ModelRow]:
    """At most `limit` aliases with their routes, newest first, older than the one created at and named `before`."""
    statement = (
        select(ModelRow).options(WITH_ROUTES).order_by(ModelRow.created_at.desc(), ModelRow.alias.desc()).limit(limit)
    )
    if before is not None:
        statement = statement.where(tuple_(ModelRow.created_at, ModelRow.alias) < before)
    return (await session.execute(statement)).scalars().all()
