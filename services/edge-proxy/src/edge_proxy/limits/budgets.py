"""The budgets that a call counts against, in the periods they are in. Pure.

The installation's, the tenant's, the key's and those of the key's owner all apply. A call belongs to the period in which it began.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from common.budget_periods import period_at
from edge_proxy.control.snapshot import Key
from edge_proxy.control.tables import Budget, BudgetTable
from edge_proxy.limits.port import LARGEST, BudgetClaim

_MOST_KEPT: Final = 100_000
_FIRST: Final = datetime.min.replace(tzinfo=UTC)
_LAST: Final = datetime.max.replace(tzinfo=UTC)


class OpenBudget(msgspec.Struct, frozen=True):
    """A budget in a period, which goes from `start` up to `end`. `reset_header` goes out as it is."""

    budget: Budget
    name: str
    start: datetime
    end: datetime | None
    reset_header: bytes

    def claim(self, amount: int, spent: Mapping[str, int] | None) -> BudgetClaim:
        """`amount`: the most that a call can cost; `spent`: what the ledger last published of the budget's periods."""
        budget = self.budget
        known = 0 if spent is None else spent.get(self.name, 0)
        return BudgetClaim(budget.id, self.name, budget.amount, min(amount, LARGEST), known, budget.hard)


class _Found(msgspec.Struct, frozen=True):
    """What was found for a key, good while the table has that version and for moments in between."""

    key: Key
    version: int
    start: datetime
    end: datetime
    budgets: tuple[OpenBudget, ...]


class Budgets:
    """Finds a key's budgets and their periods once, and again when a period is over or a budget has changed."""

    def __init__(self) -> None:
        self._found: dict[str, _Found] = {}

    def of(self, key: Key, table: BudgetTable, moment: datetime) -> tuple[OpenBudget, ...]:
        """In the order of their scopes."""
        if not table:
            return ()
        found = self._found.get(key.id)
        if (
            found is None
            or found.version != table.version
            or found.key is not key
            or not found.start <= moment < found.end
        ):
            if len(self._found) >= _MOST_KEPT:
                self._found.clear()
            found = self._found[key.id] = _find(key, table, moment)
        return found.budgets


def open_budget(budget: Budget, moment: datetime) -> OpenBudget:
    period = period_at(budget.schedule, timezone=budget.timezone, starts_at=budget.starts_at, moment=moment)
    reset = b"" if period.end is None else b"x-budget-reset: %b\r\n" % period.end.isoformat().encode()
    return OpenBudget(budget, period.name, period.start, period.end, reset)


def _find(key: Key, table: BudgetTable, moment: datetime) -> _Found:
    applying = (*table.of("installation", ""), *table.of("tenant", key.tenant_id), *table.of("key", key.id))
    if key.owner_id is not None:
        applying += table.of("user", key.owner_id)
    budgets = tuple(open_budget(budget, moment) for budget in applying)
    start = max((each.start for each in budgets), default=_FIRST)
    end = min((each.end for each in budgets if each.end is not None), default=_LAST)
    return _Found(key, table.version, start, end, budgets)
