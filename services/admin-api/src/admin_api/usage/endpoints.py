"""Usage over HTTP, of everybody, for the platform's people: reading only."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from admin_api.dependencies import Wired, require
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from admin_api.usage import export, service
from admin_api.usage.asked import AskedCalls, AskedMonth, AskedRange, Filter, List, ids_in
from admin_api.usage.charge import explain
from admin_api.usage.domain import day_starts
from admin_api.usage.filters import EVERYTHING, Group
from admin_api.usage.filters import Filter as Wanted
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
    UsageBreakdown,
    UsageComparison,
    UsageSummary,
)

router = APIRouter(prefix="/admin/usage", tags=["usage"], dependencies=[require("usage:read")])

_DEFAULT_GROUPS = 10


@router.get("/summary")
async def read_usage_summary(services: Wired, asked: AskedRange, tenant_id: Filter = None) -> UsageSummary:
    """Usage over time, by the hour for up to 48 hours, otherwise by the day."""
    return summary_reply(asked, await service.summarize(services.sessions, asked, _of(tenant_id)))


@router.get("/breakdown")
async def read_usage_breakdown(
    services: Wired, asked: AskedRange, group: Group, tenant_id: Filter = None, limit: Limit = _DEFAULT_GROUPS
) -> UsageBreakdown:
    """What cost most in a range: models (by alias), tenants, keys, users (who own the keys), providers or tags."""
    found = await service.break_down(services.sessions, asked, group, _of(tenant_id), limit=limit)
    return breakdown_reply(asked, group, found)


@router.get("/compare")
async def compare_usage(
    services: Wired, asked: AskedMonth, tenant_ids: List = "", model_aliases: List = "", user_ids: List = ""
) -> UsageComparison:
    """Tenants, models and users beside each other, up to ten in all, by the day."""
    found = await service.compare(
        services.sessions,
        asked,
        EVERYTHING,
        tenant_ids=ids_in(tenant_ids),
        aliases=ids_in(model_aliases),
        user_ids=ids_in(user_ids),
    )
    return comparison_reply(asked, found)


@router.get("/daily")
async def read_daily_usage(
    services: Wired,
    asked: AskedMonth,
    split: Group,
    tenant_id: Filter = None,
    key_id: Filter = None,
    model_alias: Filter = None,
    user_id: Filter = None,
) -> DailyUsage:
    """Each day, and what it consists of: of a tenant by its keys, of a model by tenants, or as it is asked for."""
    wanted = Wanted(
        scope=EVERYTHING,
        tenant_ids=_one(tenant_id),
        key_ids=_one(key_id),
        aliases=_one(model_alias),
        user_ids=_one(user_id),
    )
    return daily_reply(
        asked, split, day_starts(asked), await service.split_daily(services.sessions, asked, wanted, split)
    )


@router.get("/calls")
async def list_calls(
    services: Wired, wanted: AskedCalls, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> CallPage:
    """Single calls, newest first."""
    return CallPage.of(await service.list_calls(services.sessions, wanted, limit=limit, cursor=cursor), call_reply)


@router.get("/calls/export", response_class=StreamingResponse, responses=CALLS_REPLY)
async def export_calls(
    services: Wired, wanted: AskedCalls, form: Annotated[ExportFormat, Query(alias="format")] = "csv"
) -> StreamingResponse:
    """Single calls, oldest first, as CSV or Parquet: all that the filters let through."""
    return calls_reply(service.each_call(services.sessions, wanted), form)


@router.get("/costs/export", response_class=StreamingResponse, responses=CSV_REPLY)
async def export_costs(services: Wired, asked: AskedMonth, tenant_id: Filter = None) -> StreamingResponse:
    """Costs by the hour, in the columns of FOCUS 1.2."""
    lines = export.costs_as_focus(services.sessions, asked.window, _of(tenant_id))
    return csv_reply(lines, "costs-focus.csv")


@router.get("/calls/{call_id}")
async def read_call(services: Wired, call_id: str) -> Call:
    """One call, and the lines of its bill."""
    return call_reply(await service.read_call(services.sessions, EVERYTHING, call_id))


@router.get("/calls/{call_id}/charge")
async def explain_charge(services: Wired, call_id: str) -> CallCharge:
    """Why a call cost what it did: its price lines, the hour's sum that it is part of, and the budgets it counts for."""
    return CallCharge.of(await explain(services.sessions, EVERYTHING, call_id))


def _of(tenant_id: str | None) -> Wanted:
    return Wanted(scope=EVERYTHING, tenant_ids=_one(tenant_id))


def _one(id_: str | None) -> list[str] | None:
    return None if id_ is None else [id_]
