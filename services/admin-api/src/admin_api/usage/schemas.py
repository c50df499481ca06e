"""Shapes of usage in replies. Money is in nano-USD as text, a price in USD per million tokens as decimal text."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from admin_api.fields import NO_CONTROL_CHARACTERS, Moment
from admin_api.ledger.models import UsageEntryRow
from admin_api.paging import Page
from admin_api.usage.charge import Charge
from admin_api.usage.domain import Bucket
from admin_api.usage.filters import Group
from admin_api.usage.repository import Sums
from admin_api.usage.service import SeriesKind
from common.events.control import BudgetScope
from common.events.usage import CallStatus
from common.money import PricePerMillion, format_price


def _with_plus(value: object) -> object:
    """In a query a plus sign is a space: `2026-11-01T00:00:00+01:00`, typed as it is, arrives with one before its offset."""
    return value.replace(" ", "+") if isinstance(value, str) and value.count("T") == 1 else value


QueryMoment = Annotated[Moment, BeforeValidator(_with_plus)]
ExportFormat = Literal["csv", "parquet"]
FilterText = Annotated[str, Field(max_length=256, pattern=NO_CONTROL_CHARACTERS)]


class Totals(BaseModel):
    """Sums over calls. `cached_input_tokens` are part of `input_tokens`. A call that its client gave up is not a failed one."""

    requests: int
    failed_requests: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    cost_nano_usd: str


class Point(Totals):
    """One bucket; it ends where the next one starts, the last one with the range."""

    start: datetime


class UsageSummary(BaseModel):
    """Usage over time: every bucket of the range is there, also one without a call."""

    start: datetime
    end: datetime
    timezone: str
    bucket: Bucket
    totals: Totals
    points: list[Point]


class BreakdownItem(Totals):
    """One of a group. `label` is its name, or the id again when nobody knows it any more. The id of a tag is `name=value`;
    among users, the empty id stands for keys that are nobody's."""

    id: str
    label: str


class UsageBreakdown(BaseModel):
    """What cost most, the dearest first."""

    start: datetime
    end: datetime
    group: Group
    items: list[BreakdownItem]


class UsageSeries(BaseModel):
    """One of what is compared, by the day: each day of the range is there, also one without a call."""

    kind: SeriesKind
    id: str
    label: str
    totals: Totals
    points: list[Point]


class UsageComparison(BaseModel):
    """Several tenants, users and models over the same days."""

    start: datetime
    end: datetime
    timezone: str
    series: list[UsageSeries]


class DailyItem(Totals):
    """What a day's usage consists of, in part."""

    id: str
    label: str


class Day(BaseModel):
    """One day of the zone, from its start; `items` only has what was used."""

    start: datetime
    totals: Totals
    items: list[DailyItem]


class DailyUsage(BaseModel):
    """Each day of the range, and what it consists of, the dearest of the whole range first."""

    start: datetime
    end: datetime
    timezone: str
    split: Group
    days: list[Day]


class CallLine(BaseModel):
    """One line of a call's bill: so many units at this price per million."""

    kind: str
    quantity: int
    price: str


class Call(BaseModel):
    """One call that reached a provider. `estimated`: the provider reported no usage, the tokens are our own reckoning.

    `tags` are the key's; `end_user` and `metadata` are what the request said of itself, hashed where the edge is set so.
    """

    id: str
    occurred_at: datetime
    tenant_id: str
    tenant_name: str
    key_id: str
    key_name: str
    alias: str
    provider: str
    model: str
    route_id: str
    operation: str
    stream: bool
    status: CallStatus
    http_status: int
    error_code: str | None
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    estimated: bool
    cost_nano_usd: str
    lines: list[CallLine]
    price_version: str
    latency_ms: int
    first_token_ms: int | None
    attempts: int
    end_user: str | None
    metadata: dict[str, str]
    tags: dict[str, str]

    @classmethod
    def of(cls, row: UsageEntryRow, *, tenant_name: str, key_name: str) -> "Call":
        columns = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        return cls.model_validate(
            columns
            | {
                "id": row.call_id,
                "metadata": row.labels,
                "tenant_name": tenant_name,
                "key_name": key_name,
                "cost_nano_usd": str(row.cost_nano_usd),
                "lines": [line | {"price": format_price(PricePerMillion(int(line["price"])))} for line in row.lines],
            }
        )


class ChargeLine(CallLine):
    """With what it comes to: quantity times price, exactly, in nano-USD."""

    amount_nano_usd: str


class ChargeHour(BaseModel):
    """The sum of an hour (UTC), of the same tenant, key, alias, provider and model, that the call is part of."""

    hour: datetime
    requests: int
    cost_nano_usd: str


class ChargeBudget(BaseModel):
    """A budget that the call counts for, and what is spent of that period by now."""

    id: str
    name: str
    scope: BudgetScope
    subject: str
    period_start: datetime
    period_end: datetime | None
    amount_nano_usd: str
    spent_nano_usd: str


class CallCharge(BaseModel):
    """From the price lines to the cost (their sum, rounded once, half to even), the hour's sum, and the budgets."""

    call_id: str
    price_version: str
    lines: list[ChargeLine]
    sum_of_lines_nano_usd: str
    cost_nano_usd: str
    hour: ChargeHour | None
    budgets: list[ChargeBudget]

    @classmethod
    def of(cls, charge: Charge) -> "CallCharge":
        entry, hour = charge.entry, charge.hour
        return cls(
            call_id=entry.call_id,
            price_version=entry.price_version,
            lines=[
                ChargeLine(
                    kind=line.kind,
                    quantity=line.quantity,
                    price=format_price(PricePerMillion(line.price)),
                    amount_nano_usd=f"{line.amount.normalize():f}",
                )
                for line in charge.lines
            ],
            sum_of_lines_nano_usd=f"{sum((line.amount for line in charge.lines), Decimal()).normalize():f}",
            cost_nano_usd=str(entry.cost_nano_usd),
            hour=None
            if hour is None
            else ChargeHour(hour=hour.hour, requests=hour.requests, cost_nano_usd=str(int(hour.cost_nano_usd))),
            budgets=[
                ChargeBudget(
                    id=each.budget.id,
                    name=each.budget.name,
                    scope=each.budget.scope,
                    subject=each.budget.subject,
                    period_start=each.period.start,
                    period_end=each.period.end,
                    amount_nano_usd=each.budget.amount,
                    spent_nano_usd=str(each.spent),
                )
                for each in charge.budgets
            ],
        )


class CallPage(Page[Call]):
    """Calls, newest first."""


def totals(sums: Sums) -> dict[str, int | str]:
    """The fields of `Totals`."""
    return {
        "requests": sums.requests,
        "failed_requests": sums.failed_requests,
        "input_tokens": sums.input_tokens,
        "cached_input_tokens": sums.cached_input_tokens,
        "output_tokens": sums.output_tokens,
        "cost_nano_usd": str(sums.cost_nano_usd),
    }
