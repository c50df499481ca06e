"""How usage is shown, behind both doors."""

from collections.abc import AsyncIterator, Sequence
from functools import reduce
from operator import add
from typing import Any, Final

from fastapi.responses import StreamingResponse

from admin_api.usage.domain import Range
from admin_api.usage.export import calls_as_csv
from admin_api.usage.filters import Group
from admin_api.usage.parquet import calls_as_parquet
from admin_api.usage.repository import Sums
from admin_api.usage.schemas import (
    BreakdownItem,
    Call,
    DailyItem,
    DailyUsage,
    Day,
    ExportFormat,
    Point,
    Totals,
    UsageBreakdown,
    UsageComparison,
    UsageSeries,
    UsageSummary,
    totals,
)
from admin_api.usage.service import NamedCall, Points, Series, Summary

CALLS_REPLY: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        },
        "description": "CSV, with a line of names; or Parquet.",
    }
}
CSV_REPLY: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "CSV, with a line of names."}
}


def csv_reply(lines: AsyncIterator[str], name: str) -> StreamingResponse:
    """A file that is made while it is sent."""
    disposition = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=disposition)


def calls_reply(calls: AsyncIterator[NamedCall], form: ExportFormat) -> StreamingResponse:
    """Single calls as a file, in one of its formats."""
    if form == "csv":
        return csv_reply(calls_as_csv(calls), "calls.csv")
    disposition = {"content-disposition": 'attachment; filename="calls.parquet"'}
    return StreamingResponse(calls_as_parquet(calls), media_type="application/vnd.apache.parquet", headers=disposition)


def summary_reply(asked: Range, summary: Summary) -> UsageSummary:
    return UsageSummary(
        start=asked.window.start,
        end=asked.window.end,
        timezone=asked.zone.key,
        bucket=asked.bucket,
        totals=_totals(summary.totals),
        points=_points(summary.points),
    )


def breakdown_reply(asked: Range, group: Group, found: Sequence[tuple[str, str, Sums]]) -> UsageBreakdown:
    return UsageBreakdown(
        start=asked.window.start,
        end=asked.window.end,
        group=group,
        items=[BreakdownItem.model_validate({"id": id_, "label": label} | totals(sums)) for id_, label, sums in found],
    )


def comparison_reply(asked: Range, found: Sequence[Series]) -> UsageComparison:
    return UsageComparison(
        start=asked.window.start,
        end=asked.window.end,
        timezone=asked.zone.key,
        series=[
            UsageSeries.model_validate(
                {
                    "kind": each.kind,
                    "id": each.id,
                    "label": each.label,
                    "totals": _totals(each.totals),
                    "points": _points(each.points),
                }
            )
            for each in found
        ],
    )


def daily_reply(asked: Range, split: Group, starts: Sequence[object], found: Sequence[Series]) -> DailyUsage:
    days = []
    for index, start in enumerate(starts):
        parts = [(each, each.points[index][1]) for each in found]
        days.append(
            Day.model_validate(
                {
                    "start": start,
                    "totals": _totals(reduce(add, (sums for _, sums in parts), Sums())),
                    "items": [
                        DailyItem.model_validate({"id": each.id, "label": each.label} | totals(sums))
                        for each, sums in parts
                        if sums.requests
                    ],
                }
            )
        )
    return DailyUsage(start=asked.window.start, end=asked.window.end, timezone=asked.zone.key, split=split, days=days)


def call_reply(call: NamedCall) -> Call:
    return Call.of(call.entry, tenant_name=call.tenant_name, key_name=call.key_name)


def _totals(sums: Sums) -> Totals:
    return Totals.model_validate(totals(sums))


def _points(points: Points) -> list[Point]:
    return [Point.model_validate({"start": start} | totals(sums)) for start, sums in points]
