"""Budgets over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from admin_api.budgets import service
from admin_api.budgets.schemas import (
    Budget,
    BudgetCreate,
    BudgetPage,
    BudgetPeriod,
    BudgetPeriodPage,
    BudgetUpdate,
    Subject,
)
from admin_api.dependencies import Wired, require
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from common.events.control import BudgetScope

router = APIRouter(prefix="/admin/budgets", tags=["budgets"])


@router.get("", dependencies=[require("budgets:read")])
async def list_budgets(
    services: Wired,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    scope: BudgetScope | None = None,
    subject: Annotated[Subject | None, Query()] = None,
) -> BudgetPage:
    """Budgets and what is spent of them, newest first; all, or those of a scope or a subject."""
    found = await service.list_budgets(
        services.sessions, clock=services.clock, scope=scope, subject=subject, limit=limit, cursor=cursor
    )
    return BudgetPage.of(found, lambda shown: Budget.of(*shown))


@router.post("", status_code=201, dependencies=[require("budgets:write")])
async def create_budget(services: Wired, body: BudgetCreate) -> Budget:
    """Make a budget. What was spent in its period before counts. In force on every edge replica when this answers."""
    shown = await service.create_budget(
        services.sessions, body.plan(), clock=services.clock, propagation=services.propagation
    )
    return Budget.of(*shown)


@router.get("/{budget_id}", dependencies=[require("budgets:read")])
async def read_budget(services: Wired, budget_id: str) -> Budget:
    """One budget, and what is spent of it."""
    return Budget.of(*await service.read_budget(services.sessions, budget_id, clock=services.clock))


@router.get("/{budget_id}/periods", dependencies=[require("budgets:read")])
async def list_budget_periods(
    services: Wired, budget_id: str, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> BudgetPeriodPage:
    """What the budget was in each of its periods, and what was spent, newest first, back to the one it was made in."""
    found = await service.read_history(services.sessions, budget_id, clock=services.clock, limit=limit, cursor=cursor)
    return BudgetPeriodPage.of(found, BudgetPeriod.of)


@router.patch("/{budget_id}", dependencies=[require("budgets:write")])
async def update_budget(services: Wired, budget_id: str, body: BudgetUpdate) -> Budget:
    """Change a budget. In force on every edge replica when this answers."""
    shown = await service.update_budget(
        services.sessions, budget_id, clock=services.clock, propagation=services.propagation, changes=body.changes()
    )
    return Budget.of(*shown)


@router.delete("/{budget_id}", status_code=204, dependencies=[require("budgets:write")])
async def delete_budget(services: Wired, budget_id: str) -> None:
    """Remove a budget: nothing is refused because of it any more when this answers."""
    await service.delete_budget(services.sessions, budget_id, clock=services.clock, propagation=services.propagation)
