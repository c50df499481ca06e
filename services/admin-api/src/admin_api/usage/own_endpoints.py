"""Usage over HTTP, of what is one's own: of the tenants one belongs to, or of the keys one owns. Nothing else can be asked for."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from admin_api.dependencies import SignedIn, Wired
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from admin_api.usage import export, service
from admin_api.usage.asked import AskedCalls, AskedMonth, AskedRange, Filter, List, ids_in
from admin_api.usage.charge import explain
from admin_api.usage.domain import day_starts
from admin_api.usage.filters import Filter as Wanted
from admin_api.usage.filters import Group, Scope
from admin_api.usage.replies import (
    CALLS_REPLY,
    CSV_REPLY,
    breakdown_reply,
    call_reply,
    calls_reply,
    comparison_reply,
    csv_reply,
    daily_reply,
    summary_reply,
)
from admin_api.usage.schemas import (
    Call,
    CallCharge,
    CallPage,
    DailyUsage,
    ExportFormat,
    FilterText,
    UsageBreakdown,
    UsageComparison,
    UsageSummary,
)

router = APIRouter(prefix="/user/usage", tags=["usage"])

_DEFAULT_GROUPS = 10
_ALL, _PERSONAL = "all", "personal"


async def _scope(
    principal: SignedIn,
    services: Wired,
    scope: Annotated[FilterText, Query(description="`all`, `personal` (one's own keys), or a tenant's id.")] = _ALL,
) -> Scope:
    tenants = principal.tenants_with("usage:read")
    if scope == _PERSONAL:
        return await service.personal_scope(services.sessions, principal.user_id, tenants)
    of_all = Scope(tenant_ids=tenants)
    if scope == _ALL:
        return of_all
    service.check_tenants(of_all, [scope])
    return Scope(tenant_ids=[scope])


OwnScope = Annotated[Scope, Depends(_scope)]


@router.get("/summary")
async def read_my_usage_summary(services: Wired, asked: AskedRange, scope: OwnScope) -> UsageSummary:
    """Usage over time, by the hour for up to 48 hours, otherwise by the day."""
    return summary_reply(asked, await service.summarize(services.sessions, asked, Wanted(scope=scope)))


@router.get("/breakdown")
async def read_my_usage_breakdown(
    services: Wired, asked: AskedRange, scope: OwnScope, group: Group, limit: Limit = _DEFAULT_GROUPS
) -> UsageBreakdown:
    """What cost most in a range: models (by alias), tenants, keys, users (who own the keys), providers or tags."""
    found = await service.break_down(services.sessions, asked, group, Wanted(scope=scope), limit=limit)
    return breakdown_reply(asked, group, found)


@router.get("/compare")
async def compare_my_usage(
    services: Wired,
    asked: AskedMonth,
    scope: OwnScope,
    tenant_ids: List = "",
    model_aliases: List = "",
    user_ids: List = "",
) -> UsageComparison:
    """Tenants, models and users beside each other, up to ten in all, by the day."""
    found = await service.compare(
        services.sessions,
        asked,
        scope,
        tenant_ids=ids_in(tenant_ids),
        aliases=ids_in(model_aliases),
        user_ids=ids_in(user_ids),
    )
    return comparison_reply(asked, found)


@router.get("/daily")
async def read_my_daily_usage(
    services: Wired,
    asked: AskedMonth,
    scope: OwnScope,
    split: Group,
    key_id: Filter = None,
    model_alias: Filter = None,
) -> DailyUsage:
    """Each day, and what it consists of."""
    wanted = Wanted(
        scope=scope,
        key_ids=None if key_id is None else [key_id],
        aliases=None if model_alias is None else [model_alias],
    )
    return daily_reply(
        asked, split, day_starts(asked), await service.split_daily(services.sessions, asked, wanted, split)
    )


@router.get("/calls")
async def list_my_calls(
    services: Wired, wanted: AskedCalls, scope: OwnScope, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> CallPage:
    """Single calls, newest first."""
    wanted = replace(wanted, scope=scope)
    return CallPage.of(await service.list_calls(services.sessions, wanted, limit=limit, cursor=cursor), call_reply)


@router.get("/calls/export", response_class=StreamingResponse, responses=CALLS_REPLY)
async def export_my_calls(
    services: Wired, wanted: AskedCalls, scope: OwnScope, form: Annotated[ExportFormat, Query(alias="format")] = "csv"
) -> StreamingResponse:
    """Single calls, oldest first, as CSV or Parquet: all that the filters let through."""
    service.check_tenants(scope, [] if wanted.tenant_id is None else [wanted.tenant_id])  # before the reply begins
    calls = service.each_call(services.sessions, replace(wanted, scope=scope))
    return calls_reply(calls, form)


@router.get("/costs/export", response_class=StreamingResponse, responses=CSV_REPLY)
async def export_my_costs(services: Wired, asked: AskedMonth, scope: OwnScope) -> StreamingResponse:
    """Costs by the hour, in the columns of FOCUS 1.2."""
    return csv_reply(export.costs_as_focus(services.sessions, asked.window, Wanted(scope=scope)), "costs-focus.csv")


@router.get("/calls/{call_id}")
async def read_my_call(services: Wired, scope: OwnScope, call_id: str) -> Call:
    """One call, and the lines of its bill."""
    return call_reply(await service.read_call(services.sessions, scope, call_id))


@router.get("/calls/{call_id}/charge")
async def explain_my_charge(services: Wired, scope: OwnScope, call_id: str) -> CallCharge:
    """Why a call cost what it did: its price lines, the hour's sum that it is part of, and the budgets it counts for."""
    return CallCharge.of(await explain(services.sessions, scope, call_id))
