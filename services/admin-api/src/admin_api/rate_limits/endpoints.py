"""Rate limits over HTTP: the installation's defaults, a tenant's, a key's. In force on every edge replica when a change answers."""

from typing import Final

from fastapi import APIRouter

from admin_api.dependencies import Wired, require
from admin_api.rate_limits import service
from admin_api.rate_limits.schemas import RateLimitsView, RateLimitsWrite
from common.events.control import LimitPolicy

router = APIRouter(prefix="/admin", tags=["rate limits"])

_TENANT: Final = "/tenants/{tenant_id}/rate-limits"
_KEY: Final = "/tenants/{tenant_id}/api-keys/{key_id}/rate-limits"


@router.get("/rate-limits", dependencies=[require("settings:read")])
async def read_default_rate_limits(services: Wired) -> RateLimitsView:
    """The limits of tenants that have none of their own."""
    return RateLimitsView.of(await service.read_defaults(services.sessions))


@router.put("/rate-limits", dependencies=[require("settings:write")])
async def put_default_rate_limits(services: Wired, body: RateLimitsWrite) -> RateLimitsView:
    """Set the limits of tenants that have none of their own."""
    return RateLimitsView.of(
        await service.set_defaults(
            services.sessions, body.value(), clock=services.clock, propagation=services.propagation
        )
    )


@router.delete("/rate-limits", status_code=204, dependencies=[require("settings:write")])
async def delete_default_rate_limits(services: Wired) -> None:
    """Limit only those tenants and keys that have limits of their own."""
    await service.set_defaults(services.sessions, LimitPolicy(), clock=services.clock, propagation=services.propagation)


@router.get(_TENANT, dependencies=[require("tenants:read")])
async def read_tenant_rate_limits(services: Wired, tenant_id: str) -> RateLimitsView:
    """A tenant's limits, which all of its keys share."""
    return RateLimitsView.of(await service.read_tenant_limits(services.sessions, tenant_id))


@router.put(_TENANT, dependencies=[require("tenants:write")])
async def put_tenant_rate_limits(services: Wired, tenant_id: str, body: RateLimitsWrite) -> RateLimitsView:
    """Set a tenant's limits. They may be lower than those of its keys; the strictest applies."""
    return RateLimitsView.of(
        await service.set_tenant_limits(
            services.sessions, tenant_id, body.value(), clock=services.clock, propagation=services.propagation
        )
    )


@router.delete(_TENANT, status_code=204, dependencies=[require("tenants:write")])
async def delete_tenant_rate_limits(services: Wired, tenant_id: str) -> None:
    """Let the installation's limits apply to a tenant."""
    await service.set_tenant_limits(
        services.sessions, tenant_id, LimitPolicy(), clock=services.clock, propagation=services.propagation
    )


@router.get("/tenants/{tenant_id}/key-ceilings", dependencies=[require("api_keys:read")])
async def read_key_ceilings(services: Wired, tenant_id: str) -> RateLimitsView:
    """What applies to a key of the tenant that has no limits of its own, and so the most that one can have."""
    return RateLimitsView.of(await service.read_key_ceilings(services.sessions, tenant_id))


@router.get(_KEY, dependencies=[require("api_keys:read")])
async def read_api_key_rate_limits(services: Wired, tenant_id: str, key_id: str) -> RateLimitsView:
    """An API key's limits, and what its tenant's allow at most."""
    return RateLimitsView.of(await service.read_key_limits(services.sessions, tenant_id, key_id))


@router.put(_KEY, dependencies=[require("api_keys:write")])
async def put_api_key_rate_limits(
    services: Wired, tenant_id: str, key_id: str, body: RateLimitsWrite
) -> RateLimitsView:
    """Set an API key's limits. One above what applies to its tenant is refused (422 `limit_above_ceiling`)."""
    return RateLimitsView.of(
        await service.set_key_limits(
            services.sessions, tenant_id, key_id, body.value(), propagation=services.propagation
        )
    )


@router.delete(_KEY, status_code=204, dependencies=[require("api_keys:write")])
async def delete_api_key_rate_limits(services: Wired, tenant_id: str, key_id: str) -> None:
    """Limit an API key by its tenant's limits only."""
    await service.set_key_limits(services.sessions, tenant_id, key_id, LimitPolicy(), propagation=services.propagation)
