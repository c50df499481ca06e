"""API keys over HTTP: of one tenant, and the list over all tenants."""

from typing import Annotated

from fastapi import APIRouter, Query

from admin_api.api_keys import service
from admin_api.api_keys.schemas import ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyPage, ApiKeyUpdate
from admin_api.dependencies import Wired, require
from admin_api.fields import NO_CONTROL_CHARACTERS
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from admin_api.sessions.domain import Principal

router = APIRouter(prefix="/admin", tags=["API keys"])


@router.get("/api-keys", dependencies=[require("api_keys:read")])
async def list_all_api_keys(
    services: Wired,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    tenant_id: Annotated[str | None, Query(max_length=100, pattern=NO_CONTROL_CHARACTERS)] = None,
) -> ApiKeyPage:
    """API keys of all tenants, or of one, newest first."""
    return await _page(services, tenant_id, must_exist=False, limit=limit, cursor=cursor)


@router.get("/tenants/{tenant_id}/api-keys", dependencies=[require("api_keys:read")])
async def list_api_keys(
    services: Wired, tenant_id: str, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> ApiKeyPage:
    """API keys of a tenant, newest first."""
    return await _page(services, tenant_id, must_exist=True, limit=limit, cursor=cursor)


@router.post("/tenants/{tenant_id}/api-keys", status_code=201)
async def create_api_key(
    services: Wired,
    principal: Annotated[Principal, require("api_keys:write")],
    tenant_id: str,
    body: ApiKeyCreate,
) -> ApiKeyCreated:
    """Make an API key. The reply is the only place its secret is ever shown; it is in force when this answers."""
    created = await service.create_key(
        services.sessions,
        tenant_id,
        clock=services.clock,
        propagation=services.propagation,
        hash_secret=services.key_hash_secret,
        name=body.name,
        expires_at=body.expires_at,
        policy=body.policy(),
        owner_id=body.given("owner_id").get("owner_id", principal.user_id),
    )
    shown = ApiKey.of(created.row, created.tenant_name, now=services.clock())
    return ApiKeyCreated(**shown.model_dump(), secret=created.secret)


@router.patch("/tenants/{tenant_id}/api-keys/{key_id}", dependencies=[require("api_keys:write")])
async def update_api_key(services: Wired, tenant_id: str, key_id: str, body: ApiKeyUpdate) -> ApiKey:
    """Change what an API key may do, its name, or its end. In force on every edge replica when this answers."""
    row, tenant_name = await service.update_key(
        services.sessions,
        tenant_id,
        key_id,
        clock=services.clock,
        propagation=services.propagation,
        changes=body.given("name", "expires_at", "scopes", "models", "allowed_addresses", "tags", "owner_id"),
    )
    return ApiKey.of(row, tenant_name, now=services.clock())


@router.delete("/tenants/{tenant_id}/api-keys/{key_id}", status_code=204, dependencies=[require("api_keys:write")])
async def revoke_api_key(services: Wired, tenant_id: str, key_id: str) -> None:
    """Revoke an API key for good. It is out of force when this answers; repeating it does no harm."""
    await service.revoke_key(
        services.sessions, tenant_id, key_id, clock=services.clock, propagation=services.propagation
    )


async def _page(
    services: Wired, tenant_id: str | None, *, must_exist: bool, limit: int, cursor: str | None
) -> ApiKeyPage:
    found = await service.list_keys(
        services.sessions, tenant_id=tenant_id, must_exist=must_exist, limit=limit, cursor=cursor
    )
    now = services.clock()
    return ApiKeyPage.of(found, lambda row: ApiKey.of(*row, now=now))
