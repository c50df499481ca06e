"""Every query on declared models."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.catalog.models import ModelRow
from admin_api.declared.domain import ModelSource, source_of
from admin_api.declared.models import DeclaredModelRow


async def find(session: AsyncSession, alias: str) -> DeclaredModelRow | None:
    return await session.get(DeclaredModelRow, alias)


async def sources(session: AsyncSession, models: Collection[ModelRow]) -> dict[str, ModelSource]:
    """By alias, whence these models are what they are."""
    statement = select(DeclaredModelRow.alias, DeclaredModelRow.model_updated_at).where(
        DeclaredModelRow.alias.in_([model.alias for model in models])
    )
    applied = {row.alias: row.model_updated_at for row in await session.execute(statement)}
    return {
        model.alias: source_of(model.alias in applied, applied.get(model.alias), model.updated_at) for model in models
    }


async def all_with_models(session: AsyncSession) -> Sequence[tuple[DeclaredModelRow, datetime | None]]:
    """By alias, each with when its model was last changed: null for one that is gone."""
    statement = (
        select(DeclaredModelRow, ModelRow.updated_at)
        .outerjoin(ModelRow, ModelRow.alias == DeclaredModelRow.alias)
        .order_by(DeclaredModelRow.alias)
    )
    return [(row, updated_at) for row, updated_at in await session.execute(statement)]
