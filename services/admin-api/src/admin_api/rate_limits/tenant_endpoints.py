"""Rate limits over HTTP, for a tenant's own people: they see what applies to the tenant, and set those of its keys below it."""

from typing import Final

from fastapi import APIRouter

from admin_api.dependencies import Wired, in_tenant
from admin_api.rate_limits import service
from admin_api.rate_limits.schemas import RateLimitsView, RateLimitsWrite
from common.events.control import LimitPolicy

router = APIRouter(prefix="/user/tenants/{tenant_id}", tags=["rate limits"])

_KEY: Final = "/api-keys/{key_id}/rate-limits"


@router.get("/rate-limits", dependencies=[in_tenant("tenants:read")])
async def read_my_tenants_rate_limits(services: Wired, tenant_id: str) -> RateLimitsView:
    """The limits of one's tenant, which all of its keys share."""
    return RateLimitsView.of(await service.read_tenant_limits(services.sessions, tenant_id))


@router.get("/key-ceilings", dependencies=[in_tenant("api_keys:read")])
async def read_my_tenants_key_ceilings(services: Wired, tenant_id: str) -> RateLimitsView:
    """What applies to a key of one's tenant that has no limits of its own, and so the most that one can have."""
    return RateLimitsView.of(await service.read_key_ceilings(services.sessions, tenant_id))


@router.get(_KEY, dependencies=[in_tenant("api_keys:read")])
async def read_my_tenants_key_rate_limits(services: Wired, tenant_id: str, key_id: str) -> RateLimitsView:
    """A key's limits, and what they cannot exceed."""
    return RateLimitsView.of(await service.read_key_limits(services.sessions, tenant_id, key_id))


@router.put(_KEY, dependencies=[in_tenant("api_keys:write")])
async def put_my_tenants_key_rate_limits(
    services: Wired, tenant_id: str, key_id: str, body: RateLimitsWrite
) -> RateLimitsView:
    """Set a key's limits. In force on every edge replica when this answers."""
    return RateLimitsView.of(
        await service.set_key_limits(
            services.sessions, tenant_id, key_id, body.value(), propagation=services.propagation
        )
    )


@router.delete(_KEY, status_code=204, dependencies=[in_tenant("api_keys:write")])
async def delete_my_tenants_key_rate_limits(services: Wired, tenant_id: str, key_id: str) -> None:
    """Let only the tenant's limits apply to a key."""
    await service.set_key_limits(services.sessions, tenant_id, key_id, LimitPolicy(), propagation=services.propagation)
