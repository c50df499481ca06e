"""Rules of budgets."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from common.budget_periods import Period
from common.events.control import BudgetScope
from common.money import NANO_PER_USD

BUDGET_PREFIX: Final = "bud"
LARGEST_NANO_USD: Final = 10**18 - 1
"""Of a budget: just under a billion dollars."""
DEFAULT_WARN_AT: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPlan:
    """A budget to be. `timezone` null: its tenant's."""

    name: str
    scope: BudgetScope
    subject: str
    amount_nano_usd: int
    hard: bool
    schedule: str
    timezone: str | None
    starts_at: datetime | None
    warn_at: int
    alert_at: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """What a budget is for, as people know it. `tenant_id` null: it concerns no single tenant."""

    tenant_id: str | None = None
    tenant_name: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a budget has spent, in nano-USD, of what counts for the period it is in."""

    period: Period
    spent: int


def parse_amount(text: str) -> int:
    """Dollars to nano-USD. Raises `ValueError` when that is not exact, or not an amount of a budget."""
    try:
        scaled = Decimal(text) * NANO_PER_USD
    except InvalidOperation:
        raise ValueError("an amount is a decimal number of US dollars") from None
    if scaled != scaled.to_integral_value():
        raise ValueError("an amount has at most nine decimals")
    if not 0 <= scaled <= LARGEST_NANO_USD:
        raise ValueError("an amount lies between 0 and 999999999 US dollars")
    return int(scaled)
