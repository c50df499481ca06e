"""Settings over HTTP."""

from fastapi import APIRouter

from admin_api.dependencies import Wired, require
from admin_api.runtime_settings import service
from admin_api.runtime_settings.schemas import TenantSettingsView, TenantSettingsWrite

router = APIRouter(prefix="/admin/settings", tags=["settings"])


@router.get("/tenants", dependencies=[require("settings:read")])
async def read_tenant_settings(services: Wired) -> TenantSettingsView:
    """Personal tenants, the models they may use, and how long deleted tenants are kept."""
    return TenantSettingsView.of(await service.read_tenant_settings(services.sessions))


@router.put("/tenants", dependencies=[require("settings:write")])
async def put_tenant_settings(services: Wired, body: TenantSettingsWrite) -> TenantSettingsView:
    """Change them. New default models are in force for the tenants that follow them when this answers."""
    return TenantSettingsView.of(
        await service.set_tenant_settings(
            services.sessions, body.value(), clock=services.clock, propagation=services.propagation
        )
    )
