"""Tenants over HTTP."""

from fastapi import APIRouter

from admin_api.dependencies import Wired, require
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from admin_api.tenants import deletion, service
from admin_api.tenants.schemas import Tenant, TenantCreate, TenantPage, TenantUpdate

router = APIRouter(prefix="/admin/tenants", tags=["tenants"])


@router.get("", dependencies=[require("tenants:read")])
async def list_tenants(services: Wired, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> TenantPage:
    """Tenants, newest first."""
    return TenantPage.of(await service.list_tenants(services.sessions, limit=limit, cursor=cursor), Tenant.of)


@router.post("", status_code=201, dependencies=[require("tenants:write")])
async def create_tenant(services: Wired, body: TenantCreate) -> Tenant:
    """Make a tenant; its API keys come next."""
    row = await service.create_tenant(
        services.sessions,
        clock=services.clock,
        propagation=services.propagation,
        name=body.name,
        models=body.models,
        timezone=body.timezone,
        contact=body.contact,
        tags=body.tags,
    )
    return Tenant.of(row)


@router.get("/{tenant_id}", dependencies=[require("tenants:read")])
async def read_tenant(services: Wired, tenant_id: str) -> Tenant:
    """One tenant."""
    return Tenant.of(await service.read_tenant(services.sessions, tenant_id))


@router.patch("/{tenant_id}", dependencies=[require("tenants:write")])
async def update_tenant(services: Wired, tenant_id: str, body: TenantUpdate) -> Tenant:
    """Change a tenant's name, state, models or time zone. In force on every edge replica when this answers."""
    row = await service.update_tenant(
        services.sessions,
        tenant_id,
        clock=services.clock,
        propagation=services.propagation,
        changes=body.given("models", "name", "status", "timezone", "contact", "tags", "follows_default_models"),
    )
    return Tenant.of(row)


@router.delete("/{tenant_id}", dependencies=[require("tenants:write")])
async def delete_tenant(services: Wired, tenant_id: str) -> Tenant:
    """Delete a tenant: it is out of force at once, and gone after `purge_after`. Until then it can be made active again."""
    row = await deletion.delete_tenant(
        services.sessions, tenant_id, clock=services.clock, propagation=services.propagation
    )
    return Tenant.of(row)
