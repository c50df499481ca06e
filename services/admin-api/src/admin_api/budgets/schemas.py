"""Shapes of budgets in requests and replies. Money is text: JSON numbers lose digits in many readers."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from admin_api.budgets.domain import DEFAULT_WARN_AT, BudgetPlan, Spent, parse_amount
from admin_api.budgets.models import BudgetRow
from admin_api.fields import NO_CONTROL_CHARACTERS, Moment, Name, RequestBody, Timezone, absent
from admin_api.ledger.budget_history import PastPeriod
from admin_api.paging import Page
from common.budget_periods import parse_schedule
from common.events.control import BudgetScope
from common.money import format_usd


def _checked_amount(text: str) -> str:
    return format_usd(parse_amount(text))


def _checked_schedule(text: str) -> str:
    parse_schedule(text)
    return text


Amount = Annotated[
    str, StringConstraints(max_length=24, pattern=r"^[0-9]+(\.[0-9]+)?$"), AfterValidator(_checked_amount)
]
"""US dollars, as a decimal text with at most nine decimals."""
Schedule = Annotated[str, StringConstraints(max_length=20), AfterValidator(_checked_schedule)]
"""`calendar_month`, `weekly`, `daily`, `fixed` or `rolling_<N>d`."""
WarnAt = Annotated[int, Field(strict=True, ge=1, le=100)]
AlertAt = Annotated[
    list[Annotated[int, Field(strict=True, ge=1, le=1000)]],
    Field(max_length=8),
    AfterValidator(lambda levels: sorted(set(levels))),
]
"""Percentages; above 100 for soft budgets, which go on."""
Subject = Annotated[str, StringConstraints(max_length=100, pattern=NO_CONTROL_CHARACTERS)]


class BudgetSpending(BaseModel):
    """Of the period that is running. `end` is null for a budget that is never renewed."""

    start: datetime
    end: datetime | None
    spent_usd: str
    remaining_usd: str
    warning: bool
    exceeded: bool


class Budget(BaseModel):
    """`subject` is the id of the tenant, the key or the user; empty for the installation. A hard budget refuses calls that could
    exceed it, a soft one warns. `timezone` null: the tenant's. `warn_at` is the percentage that clients are
    warned from; people are told at `warn_at`, at each of `alert_at`, and at 100. `follows_default`: it is the default one."""

    id: str
    name: str
    scope: BudgetScope
    subject: str
    amount_usd: str
    hard: bool
    schedule: str
    timezone: str | None
    starts_at: datetime
    warn_at: int
    alert_at: list[int]
    follows_default: bool
    created_at: datetime
    current: BudgetSpending

    @classmethod
    def of(cls, row: BudgetRow, spent: Spent) -> "Budget":
        amount = row.amount_nano_usd
        return cls(
            id=row.id,
            name=row.name,
            scope=row.scope,
            subject=row.subject,
            amount_usd=format_usd(amount),
            hard=row.hard,
            schedule=row.schedule,
            timezone=row.timezone,
            starts_at=row.starts_at,
            warn_at=row.warn_at,
            alert_at=list(row.alert_at),
            follows_default=row.follows_default,
            created_at=row.created_at,
            current=BudgetSpending(
                start=spent.period.start,
                end=spent.period.end,
                spent_usd=format_usd(spent.spent),
                remaining_usd=format_usd(max(0, amount - spent.spent)),
                warning=spent.spent > amount * row.warn_at // 100,
                exceeded=spent.spent >= amount,
            ),
        )


class BudgetLevel(BaseModel):
    """A percentage that was reached, and when that was noticed."""

    level: int
    reached_at: datetime


class BudgetPeriod(BaseModel):
    """What a budget was and what was spent of it. `amount_usd` null: that was not kept."""

    start: datetime
    end: datetime | None
    amount_usd: str | None
    spent_usd: str
    levels: list[BudgetLevel]

    @classmethod
    def of(cls, past: PastPeriod) -> "BudgetPeriod":
        return cls(
            start=past.period.start,
            end=past.period.end,
            amount_usd=None if past.amount is None else format_usd(past.amount),
            spent_usd=format_usd(past.spent),
            levels=[BudgetLevel(level=level, reached_at=moment) for level, moment in past.reached],
        )


class BudgetPeriodPage(Page[BudgetPeriod]):
    """Periods, newest first."""


class BudgetList(BaseModel):
    """A tenant's budgets, its own first."""

    data: list[Budget]


class BudgetPage(Page[Budget]):
    """Budgets, newest first."""


class KeyBudgetCreate(RequestBody):
    """A budget to be, for a key."""

    name: Name
    amount_usd: Amount
    hard: bool = True
    schedule: Schedule = "calendar_month"
    warn_at: WarnAt = DEFAULT_WARN_AT
    alert_at: AlertAt = Field(default_factory=list)

    def plan(self, key_id: str) -> BudgetPlan:
        return BudgetPlan(
            name=self.name,
            scope="key",
            subject=key_id,
            amount_nano_usd=parse_amount(self.amount_usd),
            hard=self.hard,
            schedule=self.schedule,
            timezone=None,
            starts_at=None,
            warn_at=self.warn_at,
            alert_at=tuple(self.alert_at),
        )


class BudgetCreate(RequestBody):
    """A budget to be. `starts_at`, by default now, matters to the schedule `fixed` only."""

    name: Name
    scope: BudgetScope
    subject: Subject = ""
    amount_usd: Amount
    hard: bool = True
    schedule: Schedule = "calendar_month"
    timezone: Timezone | None = None
    starts_at: Moment | None = None
    warn_at: WarnAt = DEFAULT_WARN_AT
    alert_at: AlertAt = Field(default_factory=list)

    def plan(self) -> BudgetPlan:
        return BudgetPlan(
            name=self.name,
            scope=self.scope,
            subject=self.subject,
            amount_nano_usd=parse_amount(self.amount_usd),
            hard=self.hard,
            schedule=self.schedule,
            timezone=self.timezone,
            starts_at=self.starts_at,
            warn_at=self.warn_at,
            alert_at=tuple(self.alert_at),
        )


class BudgetUpdate(RequestBody):
    """What is left out stays as it is. What a budget is for does not change: make another one."""

    name: Name = absent()
    amount_usd: Amount = absent()
    hard: bool = absent()
    schedule: Schedule = absent()
    timezone: Timezone | None = None
    starts_at: Moment = absent()
    warn_at: WarnAt = absent()
    alert_at: AlertAt = absent()

    def changes(self) -> dict[str, object]:
        given = self.given("name", "hard", "schedule", "timezone", "starts_at", "warn_at", "alert_at")
        if "amount_usd" in self.model_fields_set:
            given["amount_nano_usd"] = parse_amount(self.amount_usd)
        return given
