"""Settings over HTTP."""

from fastapi import APIRouter

from admin_api.dependencies import Wired, require
from admin_api.runtime_settings import service
from admin_api.runtime_settings.schemas import (
    BudgetSettingsView,
    BudgetSettingsWrite,
    TenantSettingsView,
    TenantSettingsWrite,
)

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


@router.get("/budgets", dependencies=[require("settings:read")])
async def read_budget_settings(services: Wired) -> BudgetSettingsView:
    """The budget of tenants that have none of their own."""
    return BudgetSettingsView.of(await service.read_budget_settings(services.sessions))


@router.put("/budgets", dependencies=[require("settings:write")])
async def put_budget_settings(services: Wired, body: BudgetSettingsWrite) -> BudgetSettingsView:
    """Change it. It is in force for the tenants that follow it when this answers."""
    return BudgetSettingsView.of(
        await service.set_budget_settings(
            services.sessions, body.value(), clock=services.clock, propagation=services.propagation
        )
    )
