"""Budgets over HTTP, for a tenant's own people: they see the tenant's and its keys', and make those of its keys."""

from typing import Final

from fastapi import APIRouter

from admin_api.api_keys.service import read_key
from admin_api.budgets import service
from admin_api.budgets.schemas import (
    Budget,
    BudgetList,
    BudgetPeriod,
    BudgetPeriodPage,
    BudgetUpdate,
    KeyBudgetCreate,
)
from admin_api.dependencies import Wired, in_tenant
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from common.http.errors import NotFoundError

router = APIRouter(prefix="/user/tenants/{tenant_id}", tags=["budgets"])

_KEY: Final = "/api-keys/{key_id}/budgets"
_ONE: Final = _KEY + "/{budget_id}"


@router.get("/budgets", dependencies=[in_tenant("budgets:read")])
async def list_my_tenants_budgets(services: Wired, tenant_id: str) -> BudgetList:
    """The budgets of one's tenant and of its keys, and what is spent of them."""
    found = await service.list_of_tenant(services.sessions, tenant_id, clock=services.clock)
    return BudgetList(data=[Budget.of(*each) for each in found])


@router.get("/budgets/{budget_id}/periods", dependencies=[in_tenant("budgets:read")])
async def list_my_tenants_budget_periods(
    services: Wired, tenant_id: str, budget_id: str, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> BudgetPeriodPage:
    """What a budget of one's tenant, or of one of its keys, was in each of its periods, and what was spent, newest first."""
    await service.check_of_tenant(services.sessions, tenant_id, budget_id)
    found = await service.read_history(services.sessions, budget_id, clock=services.clock, limit=limit, cursor=cursor)
    return BudgetPeriodPage.of(found, BudgetPeriod.of)


@router.post(_KEY, status_code=201, dependencies=[in_tenant("api_keys:write")])
async def create_my_tenants_key_budget(services: Wired, tenant_id: str, key_id: str, body: KeyBudgetCreate) -> Budget:
    """Make a budget for a key, not above the tenant's. In force on every edge replica when this answers."""
    await read_key(services.sessions, tenant_id, key_id)
    made = await service.create_budget(
        services.sessions, body.plan(key_id), clock=services.clock, propagation=services.propagation, within=tenant_id
    )
    return Budget.of(*made)


@router.patch(_ONE, dependencies=[in_tenant("api_keys:write")])
async def update_my_tenants_key_budget(
    services: Wired, tenant_id: str, key_id: str, budget_id: str, body: BudgetUpdate
) -> Budget:
    """Change a key's budget. In force on every edge replica when this answers."""
    await _check(services, tenant_id, key_id, budget_id)
    changed = await service.update_budget(
        services.sessions,
        budget_id,
        clock=services.clock,
        propagation=services.propagation,
        changes=body.changes(),
        within=tenant_id,
    )
    return Budget.of(*changed)


@router.delete(_ONE, status_code=204, dependencies=[in_tenant("api_keys:write")])
async def delete_my_tenants_key_budget(services: Wired, tenant_id: str, key_id: str, budget_id: str) -> None:
    """Remove a key's budget."""
    await _check(services, tenant_id, key_id, budget_id)
    await service.delete_budget(services.sessions, budget_id, clock=services.clock, propagation=services.propagation)


async def _check(services: Wired, tenant_id: str, key_id: str, budget_id: str) -> None:
    """Raise `NotFoundError` unless the budget is the key's, and the key the tenant's."""
    await read_key(services.sessions, tenant_id, key_id)
    if await service.key_of(services.sessions, budget_id) != key_id:
        raise NotFoundError("There is no such budget.")
