"""The model catalog over HTTP. An alias may hold slashes, so it is the rest of the path."""

from fastapi import APIRouter, Response

from admin_api.catalog import checking, pricing, service
from admin_api.catalog.price_list import price_list
from admin_api.catalog.price_schemas import PriceHistory, PriceListShown, PriceVersion, PriceVersionWrite, written
from admin_api.catalog.providers import PROVIDERS
from admin_api.catalog.schemas import Model, ModelPage, ModelWrite, Provider, ProviderList, RouteCheck
from admin_api.dependencies import Wired, require
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit

router = APIRouter(prefix="/admin", tags=["model catalog"])


@router.get("/providers", dependencies=[require("catalog:read")])
async def list_providers() -> ProviderList:
    """The kinds of providers a route can name."""
    return ProviderList(data=[Provider.of(provider) for provider in PROVIDERS.values()])


@router.get("/price-list", dependencies=[require("catalog:read")])
async def read_price_list() -> PriceListShown:
    """What common models cost by their providers' pages: what a route costs that says nothing of prices when it is made."""
    return PriceListShown.of(price_list())


@router.get("/model-catalog", dependencies=[require("catalog:read")])
async def list_models(services: Wired, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> ModelPage:
    """Aliases with their routes, newest first."""
    return ModelPage.of(
        await service.list_models(
            services.sessions, limit=limit, cursor=cursor, sealer=services.sealer, clock=services.clock
        ),
        Model.of,
    )


@router.get("/model-catalog/{alias:path}", dependencies=[require("catalog:read")])
async def read_model(services: Wired, alias: str) -> Model:
    """One alias with its routes."""
    return Model.of(await service.read_model(services.sessions, alias, sealer=services.sealer, clock=services.clock))


@router.put(
    "/model-catalog/{alias:path}",
    responses={201: {"model": Model, "description": "The alias is new."}},
    dependencies=[require("catalog:write")],
)
async def put_model(services: Wired, response: Response, alias: str, body: ModelWrite) -> Model:
    """Make an alias, or replace its routes. In force on every edge replica when this answers."""
    shown, created = await service.put_model(
        services.sessions,
        alias,
        clock=services.clock,
        propagation=services.propagation,
        sealer=services.sealer,
        allow_private=services.allow_private_upstreams,
        enabled=body.enabled,
        routes=[route.value() for route in body.routes],
        fallbacks=body.going_on(),
        capabilities=body.able_to(),
    )
    if created:
        response.status_code = 201
    return Model.of(shown)


@router.delete("/model-catalog/{alias:path}", status_code=204, dependencies=[require("catalog:write")])
async def delete_model(services: Wired, alias: str) -> None:
    """Remove an alias that no other one falls back to. No edge replica serves it when this has answered."""
    await service.delete_model(services.sessions, alias, propagation=services.propagation)


@router.post("/routes/{route_id}/check", dependencies=[require("catalog:write")])
async def check_route(services: Wired, route_id: str) -> RouteCheck:
    """Ask the route's provider for its models, with the route's credential: is the address right, and the credential, and is the
    model known there? It costs nothing."""
    return RouteCheck.of(
        await checking.check_route(services.sessions, route_id, sealer=services.sealer, client=services.upstreams)
    )


@router.get("/routes/{route_id}/prices", dependencies=[require("catalog:read")])
async def list_prices(services: Wired, route_id: str) -> PriceHistory:
    """All that the route ever cost, and is going to."""
    return PriceHistory.of(await pricing.read_prices(services.sessions, route_id, clock=services.clock))


@router.post("/routes/{route_id}/prices", status_code=201, dependencies=[require("catalog:write")])
async def add_prices(services: Wired, route_id: str, body: PriceVersionWrite) -> PriceVersion:
    """Other prices from a moment on, which may be past or to come."""
    row, state = await pricing.add_prices(
        services.sessions,
        route_id,
        prices=written(body.prices),
        effective_from=body.effective_from,
        clock=services.clock,
        propagation=services.propagation,
    )
    return PriceVersion.of(row, state)


@router.delete("/routes/{route_id}/prices/{version}", status_code=204, dependencies=[require("catalog:write")])
async def cancel_prices(services: Wired, route_id: str, version: str) -> None:
    """Take back prices that are not in force yet."""
    await pricing.cancel_prices(
        services.sessions, route_id, version, clock=services.clock, propagation=services.propagation
    )
