"""Use cases of a route's prices over time. Versions are only added; one that is not in force yet can be taken back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.catalog import repository
from admin_api.catalog.domain import PRICE_VERSION_PREFIX
from admin_api.catalog.models import ModelRow, PriceRow, RouteRow
from admin_api.catalog.prices import Prices, nano_prices
from admin_api.catalog.schedule import MOST_SCHEDULED, PriceState, Schedule, schedule_of
from admin_api.configuration import records
from admin_api.configuration.propagation import Propagation
from common.clock import Clock
from common.db.engine import Sessions
from common.events.subjects import CATALOG_BUCKET, catalog_key
from common.http.errors import ConflictError, NotFoundError
from common.ids import new_id


@dataclass(frozen=True, slots=True)
class NanoVersion:
    """A version with its prices in nano-USD per million units."""

    route_id: str
    effective_from: datetime
    prices: Mapping[str, int]


async def all_versions(sessions: Sessions) -> list[NanoVersion]:
    """Of all routes there ever were, for each route in the order in which they take effect."""
    async with sessions.begin() as session:
        rows = await session.scalars(
            select(PriceRow).order_by(PriceRow.route_id, PriceRow.effective_from, PriceRow.created_at)
        )
        return [NanoVersion(row.route_id, row.effective_from, nano_prices(row.prices)) for row in rows]


async def read_prices(sessions: Sessions, route_id: str, *, clock: Clock) -> Schedule:
    """Raises `NotFoundError`."""
    async with sessions.begin() as session:
        _, route = await _found(session, route_id)
        return schedule_of(route.prices, clock())


async def add_prices(
    sessions: Sessions,
    route_id: str,
    *,
    prices: Prices,
    effective_from: datetime | None,
    clock: Clock,
    propagation: Propagation,
) -> tuple[PriceRow, PriceState]:
    """Raises `NotFoundError`, `ConflictError` when too many are scheduled, or `NotInForceError`."""
    propagation.check()
    async with sessions.begin() as session:
        model, route = await _held(session, route_id)
        now = clock()
        begins = now if effective_from is None else effective_from
        if begins > now and len(schedule_of(route.prices, now).scheduled) >= MOST_SCHEDULED:
            raise ConflictError(f"At most {MOST_SCHEDULED} changes can be scheduled.", code="too_many")
        row = new_version(prices, now=now, effective_from=begins, source=None)
        route.prices.append(row)
        model.updated_at = now
        ids = await records.emit(session, CATALOG_BUCKET, catalog_key(model.alias))
        state = dict(schedule_of(route.prices, now))[row]
    await propagation.wait(ids)
    return row, state


async def cancel_prices(
    sessions: Sessions, route_id: str, version: str, *, clock: Clock, propagation: Propagation
) -> None:
    """Raises `NotFoundError`, `ConflictError` for a version that is or was in force, or `NotInForceError`."""
    propagation.check()
    async with sessions.begin() as session:
        model, route = await _held(session, route_id)
        now = clock()
        row = next((each for each in route.prices if each.version == version), None)
        if row is None:
            raise NotFoundError("This route has no such version of prices.")
        if row.effective_from <= now:
            raise ConflictError("These prices are or were in force: give the route others.", code="in_force")
        await session.delete(row)
        await session.flush()
        session.expire(route, ["prices"])
        model.updated_at = now
        ids = await records.emit(session, CATALOG_BUCKET, catalog_key(model.alias))
    await propagation.wait(ids)


def new_version(prices: Prices, *, now: datetime, effective_from: datetime, source: str | None) -> PriceRow:
    return PriceRow(
        version=new_id(PRICE_VERSION_PREFIX),
        effective_from=effective_from,
        created_at=now,
        prices=dict(prices),
        source=source,
    )


async def _held(session: AsyncSession, route_id: str) -> tuple[ModelRow, RouteRow]:
    """A route stays with its alias for as long as there is one, so the alias may be looked up before it is held."""
    alias = await session.scalar(select(RouteRow.alias).where(RouteRow.id == route_id))
    if alias is not None:
        await records.hold(session, CATALOG_BUCKET, catalog_key(alias))
    return await _found(session, route_id)


async def _found(session: AsyncSession, route_id: str) -> tuple[ModelRow, RouteRow]:
    alias = await session.scalar(select(RouteRow.alias).where(RouteRow.id == route_id))
    model = None if alias is None else await repository.find(session, alias)
    route = None if model is None else next((each for each in model.routes if each.id == route_id), None)
    if model is None or route is None:
        raise NotFoundError("There is no such route.")
    return model, route
