"""Use cases of the catalog. An alias with its routes is one configuration record of the edge, written whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.catalog import repository
from admin_api.catalog.domain import (
    FALLBACK_KINDS,
    KEEP,
    ROUTE_PREFIX,
    ExistingRoute,
    Fallbacks,
    PlannedRoute,
    WantedRoute,
    check_fallbacks,
    is_alias,
    plan_routes,
)
from admin_api.catalog.models import ModelRow, RouteRow
from admin_api.catalog.prices import Prices
from admin_api.catalog.pricing import new_version
from admin_api.catalog.providers import PROVIDERS
from admin_api.catalog.schedule import schedule_of
from admin_api.configuration import records
from admin_api.configuration.propagation import Propagation
from admin_api.declared import repository as declared
from admin_api.declared.domain import ModelSource
from admin_api.errors import InvalidCursorError
from admin_api.paging import Slice, decode_cursor, encode_cursor
from common.clock import Clock
from common.crypto.sealing import Sealer, SealingError
from common.db.engine import Sessions
from common.events.control import route_credential_purpose
from common.events.subjects import CATALOG_BUCKET, catalog_key
from common.http.errors import ConflictError, InvalidRequestError, NotFoundError
from common.ids import new_id
from common.outbound_url import UnsafeUrlError, check_outbound_url


@dataclass(frozen=True, slots=True)
class Shown:
    """An alias, whence it is what it is, and by route the reason why it cannot be used. Prices are those of `now`."""

    model: ModelRow
    source: ModelSource
    broken: Mapping[str, str]
    now: datetime


_AS_THEY_ARE: Final = Fallbacks()
# No record, but held like one, together with that of an alias: who changes where aliases lead, or removes one, must see what
# others have changed. Held in one call, so that nobody waits for who waits for them.
_GRAPH: Final = "*fallbacks*"


async def list_models(
    sessions: Sessions, *, limit: int, cursor: str | None, sealer: Sealer, clock: Clock
) -> Slice[Shown]:
    """Newest first. Raises `InvalidCursorError`."""
    before = _position(cursor) if cursor is not None else None
    async with sessions.begin() as session:
        rows = await repository.newest(session, limit=limit + 1, before=before)
        shown = await _shown(session, rows, sealer=sealer, now=clock())
    return Slice.of(shown, limit, lambda each: encode_cursor(each.model.created_at.isoformat(), each.model.alias))


async def _shown(session: AsyncSession, rows: Sequence[ModelRow], *, sealer: Sealer, now: datetime) -> list[Shown]:
    sources = await declared.sources(session, rows)
    return [
        Shown(
            row,
            sources[row.alias],
            {route.id: reason for route in row.routes if (reason := _problem(route, sealer)) is not None},
            now,
        )
        for row in rows
    ]


def _problem(route: RouteRow, sealer: Sealer) -> str | None:
    """Why an edge cannot use a route as it is stored, if that can be told without calling anybody."""
    if route.provider not in PROVIDERS:
        return f"This version of the gateway does not know the provider {route.provider}."
    if route.credential is not None:
        try:
            sealer.open(route.credential, purpose=route_credential_purpose(route.id))
        except SealingError:
            return "The credential cannot be opened: its encryption key is not configured."
    return None


def _position(cursor: str) -> tuple[datetime, str]:
    created_at, alias = decode_cursor(cursor, parts=2)
    try:
        moment = datetime.fromisoformat(created_at)
    except ValueError:
        raise InvalidCursorError from None
    # Made by us it is in UTC; anything else could lie outside of what the driver can turn into UTC.
    if moment.utcoffset() is None or moment.utcoffset():
        raise InvalidCursorError
    return moment, alias


async def read_model(sessions: Sessions, alias: str, *, sealer: Sealer, clock: Clock) -> Shown:
    """Raises `NotFoundError`."""
    async with sessions.begin() as session:
        (shown,) = await _shown(session, [await _existing(session, alias)], sealer=sealer, now=clock())
        return shown


async def check_addresses(routes: Sequence[WantedRoute], *, allow_private: bool) -> None:
    """Raise `InvalidRequestError` for a route whose base URL must not be called.

    A provider's own address is not looked up: it is ours, and an installation may reach it only through a proxy.
    """
    for index, route in enumerate(routes):
        provider = PROVIDERS.get(route.provider)
        if not route.base_url or (provider is not None and route.base_url == provider.default_base_url):
            continue
        try:
            await check_outbound_url(route.base_url, allow_private=allow_private)
        except UnsafeUrlError as error:
            param = f"routes.{index}.base_url"
            raise InvalidRequestError(f"{param}: {error}.", code="invalid_value", param=param) from None


async def put_model(
    sessions: Sessions,
    alias: str,
    *,
    clock: Clock,
    propagation: Propagation,
    sealer: Sealer,
    allow_private: bool,
    enabled: bool | None,
    routes: Sequence[WantedRoute],
    fallbacks: Fallbacks,
    capabilities: Mapping[str, Any] | None = None,
) -> tuple[Shown, bool]:
    """The alias as it is now, and whether it is new. Raises `InvalidRequestError` or `NotInForceError`."""
    if not is_alias(alias):
        raise InvalidRequestError(
            "alias: an alias is made of letters, digits and ._:@+-, in parts joined by single slashes.",
            code="invalid_value",
            param="alias",
        )
    await check_addresses(routes, allow_private=allow_private)
    propagation.check()
    async with sessions.begin() as session:
        now = clock()
        row, created, ids = await write(
            session,
            alias,
            sealer=sealer,
            enabled=enabled,
            routes=routes,
            now=now,
            fallbacks=fallbacks,
            capabilities=capabilities,
        )
        (shown,) = await _shown(session, [row], sealer=sealer, now=now)
    await propagation.wait(ids)
    return shown, created


async def write(
    session: AsyncSession,
    alias: str,
    *,
    sealer: Sealer,
    enabled: bool | None,
    routes: Sequence[WantedRoute],
    now: datetime,
    fallbacks: Fallbacks = _AS_THEY_ARE,
    capabilities: Mapping[str, Any] | None = None,
) -> tuple[ModelRow, bool, list[int]]:
    """In the caller's transaction: the alias, whether it is new, and the outbox rows that tell the edge."""
    lists = {kind: value for kind in FALLBACK_KINDS if (value := getattr(fallbacks, kind)) is not None}
    await records.hold(session, CATALOG_BUCKET, catalog_key(alias), *([_GRAPH] if lists else []))
    row = await repository.find(session, alias)
    created = row is None
    if row is None:
        nothing: dict[str, list[str]] = {kind: [] for kind in FALLBACK_KINDS}
        row = ModelRow(alias=alias, enabled=True, created_at=now, updated_at=now, routes=[], capabilities={}, **nothing)
        session.add(row)
    current = {route.id: route for route in row.routes}
    plan = plan_routes(routes, [_existing_route(route, now) for route in row.routes])
    row.routes = [
        _apply(each, current.get(each.id) if each.id is not None else None, position=position, sealer=sealer, now=now)
        for position, each in enumerate(plan)
    ]
    row.enabled = row.enabled if enabled is None else enabled
    row.updated_at = now
    if capabilities is not None:
        row.capabilities = dict(capabilities)
    if lists:
        graph = await repository.fallbacks(session)
        for kind, aliases in lists.items():
            check_fallbacks(kind, alias, aliases, graph[kind])
            setattr(row, kind, list(aliases))
    return row, created, await records.emit(session, CATALOG_BUCKET, catalog_key(alias))


async def delete_model(sessions: Sessions, alias: str, *, propagation: Propagation) -> None:
    """Raises `NotFoundError`, `ConflictError` while others fall back to the alias, or `NotInForceError`."""
    propagation.check()
    async with sessions.begin() as session:
        ids = await remove(session, alias)
    await propagation.wait(ids)


async def hold(session: AsyncSession, alias: str) -> None:
    """For who looks at an alias before writing or removing it: keep others waiting until the caller's transaction ends."""
    await records.hold(session, CATALOG_BUCKET, catalog_key(alias), _GRAPH)


async def remove(session: AsyncSession, alias: str) -> list[int]:
    """In the caller's transaction; the outbox rows that tell the edge. Raises `NotFoundError` or `ConflictError`."""
    if is_alias(alias):
        await records.hold(session, CATALOG_BUCKET, catalog_key(alias), _GRAPH)
    row = await _existing(session, alias)
    graphs = await repository.fallbacks(session)
    users = sorted({user for graph in graphs.values() for user, aliases in graph.items() if alias in aliases})
    if users:
        raise ConflictError(f"Other models fall back to this one: {', '.join(users)}.", code="in_use")
    await session.delete(row)
    return await records.emit(session, CATALOG_BUCKET, catalog_key(alias))


async def _existing(session: AsyncSession, alias: str) -> ModelRow:
    row = await repository.find(session, alias) if is_alias(alias) else None
    if row is None:
        raise NotFoundError("There is no such model.")
    return row


def _existing_route(row: RouteRow, now: datetime) -> ExistingRoute:
    return ExistingRoute(
        id=row.id,
        provider=row.provider,
        base_url=row.base_url,
        has_credential=row.credential is not None,
        prices=prices_at(row, now),
        priority=row.priority,
        weight=row.weight,
        max_output_tokens=row.max_output_tokens,
        operations=row.operations,
        metadata=row.settings,
    )


def prices_at(row: RouteRow, moment: datetime) -> Prices:
    version = schedule_of(row.prices, moment).in_force
    return {} if version is None else version.prices


def _apply(plan: PlannedRoute, row: RouteRow | None, *, position: int, sealer: Sealer, now: datetime) -> RouteRow:
    if row is None:
        row = RouteRow(id=new_id(ROUTE_PREFIX), credential=None, prices=[])
    row.position = position
    row.priority = plan.priority
    row.weight = plan.weight
    row.max_output_tokens = plan.max_output_tokens
    row.operations = None if plan.operations is None else list(plan.operations)
    row.settings = dict(plan.metadata)
    row.provider = plan.provider
    row.model = plan.model
    row.base_url = plan.base_url
    if plan.credential is None:
        row.credential = None
    elif plan.credential is not KEEP:
        row.credential = sealer.seal(plan.credential, purpose=route_credential_purpose(row.id))
    if plan.new_prices:
        row.prices.append(new_version(plan.prices, now=now, effective_from=now, source=plan.price_source))
    return row
