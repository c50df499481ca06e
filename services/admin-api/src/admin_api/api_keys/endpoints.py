"""API keys over HTTP, for the platform's people: of one tenant, and the list over all tenants."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from admin_api.api_keys import service
from admin_api.api_keys.replies import KEY_FIELDS, created, page, shown
from admin_api.api_keys.schemas import ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyPage, ApiKeyRotate, ApiKeyUpdate
from admin_api.dependencies import Wired, require
from admin_api.fields import NO_CONTROL_CHARACTERS
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from admin_api.sessions.domain import Principal

router = APIRouter(prefix="/admin", tags=["API keys"])

_Id = Annotated[str | None, Query(max_length=100, pattern=NO_CONTROL_CHARACTERS)]


@router.get("/api-keys", dependencies=[require("api_keys:read")])
async def list_all_api_keys(
    services: Wired, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None, tenant_id: _Id = None, owner_id: _Id = None
) -> ApiKeyPage:
    """API keys of all tenants and owners, or of one, newest first."""
    found = await service.list_keys(
        services.sessions, tenant_id=tenant_id, owner_id=owner_id, must_exist=False, limit=limit, cursor=cursor
    )
    return page(services, found)


@router.get("/tenants/{tenant_id}/api-keys", dependencies=[require("api_keys:read")])
async def list_api_keys(
    services: Wired, tenant_id: str, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> ApiKeyPage:
    """API keys of a tenant, newest first."""
    found = await service.list_keys(services.sessions, tenant_id=tenant_id, must_exist=True, limit=limit, cursor=cursor)
    return page(services, found)


@router.post("/tenants/{tenant_id}/api-keys", status_code=201)
async def create_api_key(
    services: Wired,
    principal: Annotated[Principal, require("api_keys:write")],
    tenant_id: str,
    body: ApiKeyCreate,
) -> ApiKeyCreated:
    """Make an API key. The reply is the only place its secret is ever shown; it is in force when this answers."""
    made = await service.create_key(
        services.sessions,
        tenant_id,
        clock=services.clock,
        propagation=services.propagation,
        hash_secret=services.key_hash_secret,
        name=body.name,
        expires_at=body.expires_at,
        policy=body.policy(),
        budget=body.budget_plan(),
        owner_id=body.given("owner_id").get("owner_id", principal.user_id),
    )
    return created(services, made)


@router.get("/tenants/{tenant_id}/api-keys/{key_id}", dependencies=[require("api_keys:read")])
async def read_api_key(services: Wired, tenant_id: str, key_id: str) -> ApiKey:
    """One API key."""
    return shown(services, await service.read_key(services.sessions, tenant_id, key_id))


@router.patch("/tenants/{tenant_id}/api-keys/{key_id}", dependencies=[require("api_keys:write")])
async def update_api_key(services: Wired, tenant_id: str, key_id: str, body: ApiKeyUpdate) -> ApiKey:
    """Change what an API key may do, its name, or its end; suspend it, or put it back. In force when this answers."""
    changed = await service.update_key(
        services.sessions,
        tenant_id,
        key_id,
        clock=services.clock,
        propagation=services.propagation,
        changes=body.given(*KEY_FIELDS),
    )
    return shown(services, changed)


@router.post("/tenants/{tenant_id}/api-keys/{key_id}/rotate", dependencies=[require("api_keys:write")])
async def rotate_api_key(services: Wired, tenant_id: str, key_id: str, body: ApiKeyRotate) -> ApiKeyCreated:
    """Give a key a new secret, shown this once. The present one is good for the time of grace, so that callers can change over."""
    made = await service.rotate_key(
        services.sessions,
        tenant_id,
        key_id,
        clock=services.clock,
        propagation=services.propagation,
        hash_secret=services.key_hash_secret,
        grace=timedelta(seconds=body.grace_seconds),
    )
    return created(services, made)


@router.delete("/tenants/{tenant_id}/api-keys/{key_id}", status_code=204, dependencies=[require("api_keys:write")])
async def revoke_api_key(services: Wired, tenant_id: str, key_id: str) -> None:
    """Revoke an API key for good. It is out of force when this answers; repeating it does no harm."""
    await service.revoke_key(
        services.sessions, tenant_id, key_id, clock=services.clock, propagation=services.propagation
    )
