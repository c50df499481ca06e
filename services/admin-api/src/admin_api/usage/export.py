"""Usage as files: single calls as CSV, and costs by the hour in the columns of FOCUS 1.2 (the FinOps Open Cost and Usage
Specification), which billing tools of many clouds read. What is here and not in FOCUS has the prefix it asks for, `x_`.
"""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.usage import names
from admin_api.usage.domain import Window
from admin_api.usage.filters import Filter
from admin_api.usage.schemas import Call
from admin_api.usage.service import NamedCall
from common.db.engine import Sessions
from common.money import format_usd

_HOUR: Final = timedelta(hours=1)
_PER_FETCH: Final = 500
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

CALL_COLUMNS: Final = tuple(Call.model_fields)
FOCUS_COLUMNS: Final = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "SkuId",
    "SubAccountId",
    "SubAccountName",
    "x_InputTokens",
    "x_CachedInputTokens",
    "x_OutputTokens",
    "x_FailedRequests",
    "x_Model",
)


async def calls_as_csv(calls: AsyncIterator[NamedCall]) -> AsyncIterator[str]:
    """One line for each call, under a line with the names of the columns. Lists and objects are JSON."""
    yield csv_line(CALL_COLUMNS)
    async for named in calls:
        call = Call.of(named.entry, tenant_name=named.tenant_name, key_name=named.key_name).model_dump(mode="json")
        yield csv_line([call[name] for name in CALL_COLUMNS])


async def costs_as_focus(sessions: Sessions, window: Window, wanted: Filter) -> AsyncIterator[str]:
    """One line for each hour, tenant, key, alias, provider and model, of the hours that begin in `window`."""
    yield csv_line(FOCUS_COLUMNS)
    tenants: dict[str, str] = {}
    keys: dict[str, str] = {}
    async with sessions.begin() as session:
        async for row in _hours(session, window, wanted):
            if row["tenant_id"] not in tenants:
                tenants |= {row["tenant_id"]: row["tenant_id"]} | await names.tenant_names(session, [row["tenant_id"]])
            if row["key_id"] not in keys:
                keys |= {row["key_id"]: row["key_id"]} | await names.key_names(session, [row["key_id"]])
            charge = _charge(row, tenant=tenants[row["tenant_id"]], key=keys[row["key_id"]])
            yield csv_line([charge[name] for name in FOCUS_COLUMNS])


def csv_line(values: Sequence[Any]) -> str:
    """A line of CSV (RFC 4180) without a cell that a spreadsheet would run."""
    line = io.StringIO()
    csv.writer(line).writerow([_cell(value) for value in values])
    return line.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


async def _hours(session: AsyncSession, window: Window, wanted: Filter) -> AsyncIterator[Mapping[str, Any]]:
    conditions, parameters = wanted.conditions()
    statement = text(
        f"SELECT * FROM ledger.usage_hourly WHERE hour >= :start AND hour < :end {conditions} "  # noqa: S608 - ours
        "ORDER BY hour, tenant_id, key_id, alias, provider, model"
    ).execution_options(yield_per=_PER_FETCH)
    found = await session.stream(statement, parameters | {"start": window.start, "end": window.end})
    async for row in found.mappings():
        yield dict(row)


def _charge(row: Mapping[str, Any], *, tenant: str, key: str) -> dict[str, Any]:
    start: datetime = row["hour"].astimezone(UTC)
    month = start.replace(day=1, hour=0)
    cost = format_usd(int(row["cost_nano_usd"]))
    return {
        "BilledCost": cost,
        "BillingAccountId": row["provider"],
        "BillingAccountName": row["provider"],
        "BillingCurrency": "USD",
        "BillingPeriodStart": _moment(month),
        "BillingPeriodEnd": _moment((month + timedelta(days=32)).replace(day=1)),
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": f"Calls of {row['alias']} with {row['model']} of {row['provider']}",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": _moment(start),
        "ChargePeriodEnd": _moment(start + _HOUR),
        "ConsumedQuantity": int(row["requests"]),
        "ConsumedUnit": "Requests",
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "InvoiceIssuerName": row["provider"],
        "ListCost": cost,
        "PricingQuantity": int(row["input_tokens"]) + int(row["output_tokens"]),
        "PricingUnit": "Tokens",
        "ProviderName": row["provider"],
        "PublisherName": row["provider"],
        "ResourceId": row["key_id"],
        "ResourceName": key,
        "ResourceType": "API key",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": row["alias"],
        "SkuId": f"{row['provider']}/{row['model']}",
        "SubAccountId": row["tenant_id"],
        "SubAccountName": tenant,
        "x_InputTokens": int(row["input_tokens"]),
        "x_CachedInputTokens": int(row["cached_input_tokens"]),
        "x_OutputTokens": int(row["output_tokens"]),
        "x_FailedRequests": int(row["failed_requests"]),
        "x_Model": row["model"],
    }


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
