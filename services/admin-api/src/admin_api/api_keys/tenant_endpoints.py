"""API keys over HTTP, for a tenant's own people. Who may write keys writes all of the tenant's; who may only write their own
has personal ones, which nobody but them and the tenant's admins can change.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter

from admin_api.api_keys import service
from admin_api.api_keys.replies import KEY_FIELDS, created, page, shown
from admin_api.api_keys.schemas import (
    ApiKey,
    ApiKeyCreated,
    ApiKeyPage,
    ApiKeyRotate,
    ApiKeyUpdate,
    OwnApiKeyCreate,
)
from admin_api.dependencies import SignedIn, Wired, in_tenant
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from admin_api.sessions.domain import Principal
from common.http.errors import ForbiddenError

router = APIRouter(prefix="/user", tags=["API keys"])

_KEYS = "/tenants/{tenant_id}/api-keys"
_KEY = _KEYS + "/{key_id}"
_Reader = in_tenant("api_keys:read")
_Writer = Annotated[Principal, in_tenant("own_api_keys:write")]


@router.get("/api-keys")
async def list_my_api_keys(
    principal: SignedIn, services: Wired, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> ApiKeyPage:
    """The keys one owns, in all tenants, newest first."""
    found = await service.list_keys(
        services.sessions, tenant_id=None, owner_id=principal.user_id, must_exist=False, limit=limit, cursor=cursor
    )
    return page(services, found)


@router.get(_KEYS, dependencies=[_Reader])
async def list_my_tenants_api_keys(
    services: Wired, tenant_id: str, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> ApiKeyPage:
    """API keys of one's tenant, newest first."""
    found = await service.list_keys(services.sessions, tenant_id=tenant_id, must_exist=True, limit=limit, cursor=cursor)
    return page(services, found)


@router.post(_KEYS, status_code=201)
async def create_my_tenants_api_key(
    principal: _Writer, services: Wired, tenant_id: str, body: OwnApiKeyCreate
) -> ApiKeyCreated:
    """Make an API key: a personal one, or, as one of the tenant's admins, one of the tenant's. Its secret is shown this once."""
    if body.kind == "service" and "api_keys:write" not in principal.permissions_in(tenant_id):
        raise ForbiddenError("Your role in this tenant is for personal keys only.")
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
        owner_id=principal.user_id,
        kind=body.kind,
    )
    return created(services, made)


@router.get(_KEY, dependencies=[_Reader])
async def read_my_tenants_api_key(services: Wired, tenant_id: str, key_id: str) -> ApiKey:
    """One API key of one's tenant."""
    return shown(services, await service.read_key(services.sessions, tenant_id, key_id))


@router.patch(_KEY)
async def update_my_tenants_api_key(
    principal: _Writer, services: Wired, tenant_id: str, key_id: str, body: ApiKeyUpdate
) -> ApiKey:
    """Change an API key, suspend it, or put it back. In force when this answers."""
    await _check(principal, services, tenant_id, key_id)
    changed = await service.update_key(
        services.sessions,
        tenant_id,
        key_id,
        clock=services.clock,
        propagation=services.propagation,
        changes=body.given(*(field for field in KEY_FIELDS if field != "owner_id")),
    )
    return shown(services, changed)


@router.post(_KEY + "/rotate")
async def rotate_my_tenants_api_key(
    principal: _Writer, services: Wired, tenant_id: str, key_id: str, body: ApiKeyRotate
) -> ApiKeyCreated:
    """Give a key a new secret, shown this once. The present one is good for the time of grace."""
    await _check(principal, services, tenant_id, key_id)
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


@router.delete(_KEY, status_code=204)
async def revoke_my_tenants_api_key(principal: _Writer, services: Wired, tenant_id: str, key_id: str) -> None:
    """Revoke an API key for good. It is out of force when this answers."""
    await _check(principal, services, tenant_id, key_id)
    await service.revoke_key(
        services.sessions, tenant_id, key_id, clock=services.clock, propagation=services.propagation
    )


async def _check(principal: Principal, services: Wired, tenant_id: str, key_id: str) -> None:
    """Raise `NotFoundError`, or `ForbiddenError` for a key that is not one's own to change."""
    key = (await service.read_key(services.sessions, tenant_id, key_id)).row
    is_own = key.kind == "personal" and key.owner_id == principal.user_id
    if not is_own and "api_keys:write" not in principal.permissions_in(tenant_id):
        raise ForbiddenError("Your role in this tenant is for personal keys only.")
