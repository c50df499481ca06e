"""Usage over HTTP: reading only."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from admin_api.dependencies import Wired, require
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from admin_api.usage import service
from admin_api.usage.domain import Period, Range, resolve_range
from admin_api.usage.repository import Group
from admin_api.usage.schemas import (
    BreakdownItem,
    Call,
    CallPage,
    FilterText,
    Point,
    QueryMoment,
    Totals,
    UsageBreakdown,
    UsageSummary,
    totals,
)

router = APIRouter(prefix="/admin/usage", tags=["usage"], dependencies=[require("usage:read")])

_DEFAULT_GROUPS = 10


async def _asked_range(
    services: Wired,
    period: Annotated[Period | None, Query(description="Without any of these it is the last 24 hours.")] = None,
    start: Annotated[QueryMoment | None, Query(description="RFC 3339, with `end` and instead of `period`.")] = None,
    end: Annotated[QueryMoment | None, Query(description="Not included; at most 180 days after `start`.")] = None,
    timezone: Annotated[str, Query(description="IANA name; its days and hours are the buckets.")] = "UTC",
) -> Range:
    return resolve_range(period=period, start=start, end=end, timezone=timezone, now=services.clock())


AskedRange = Annotated[Range, Depends(_asked_range)]
Filter = Annotated[FilterText | None, Query()]


@router.get("/summary")
async def read_usage_summary(services: Wired, asked: AskedRange, tenant_id: Filter = None) -> UsageSummary:
    """Usage over time, by the hour for up to 48 hours, otherwise by the day."""
    summary = await service.summarize(services.sessions, asked, tenant_id=tenant_id)
    return UsageSummary(
        start=asked.window.start,
        end=asked.window.end,
        timezone=asked.zone.key,
        bucket=asked.bucket,
        totals=Totals.model_validate(totals(summary.totals)),
        points=[Point.model_validate({"start": start} | totals(sums)) for start, sums in summary.points],
    )


@router.get("/breakdown")
async def read_usage_breakdown(
    services: Wired, asked: AskedRange, group: Group, tenant_id: Filter = None, limit: Limit = _DEFAULT_GROUPS
) -> UsageBreakdown:
    """What cost most in a range: models (by alias), tenants or keys."""
    found = await service.break_down(services.sessions, asked, group, tenant_id=tenant_id, limit=limit)
    return UsageBreakdown(
        start=asked.window.start,
        end=asked.window.end,
        group=group,
        items=[BreakdownItem.model_validate({"id": id_, "label": label} | totals(sums)) for id_, label, sums in found],
    )


@router.get("/calls")
async def list_calls(
    services: Wired,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    tenant_id: Filter = None,
    key_id: Filter = None,
    alias: Filter = None,
) -> CallPage:
    """Single calls, newest first."""
    found = await service.list_calls(
        services.sessions, limit=limit, cursor=cursor, tenant_id=tenant_id, key_id=key_id, alias=alias
    )
    return CallPage.of(found, lambda call: Call.of(call.entry, tenant_name=call.tenant_name, key_name=call.key_name))
