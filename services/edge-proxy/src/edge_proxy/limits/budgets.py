"""The budgets that a call counts against, in the periods they are in. Pure.

The installation's, the tenant's, the key's and those of the key's owner all apply. A call belongs to the period in which it began.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from common.budget_periods import Period, period_at

from edge_proxy.control.snapshot import Key, Snapshot
from edge_proxy.control.tables import Budget
from edge_proxy.limits.port import LARGEST, BudgetClaim

_MOST_KEPT: Final = 100_000


class OpenBudget(msgspec.Struct, frozen=True):
    """A budget in the period it is in, which is good for `start <= moment < end`."""

    budget: Budget
    name: str
    start: datetime
    end: datetime | None

    def holds(self, budget: Budget, moment: datetime) -> bool:
        return self.budget is budget and self.start <= moment and (self.end is None or moment < self.end)

    def claim(self, amount: int, spent: Mapping[str, int] | None) -> BudgetClaim:
        """`amount`: the most that a call can cost; `spent`: what the ledger last published of the budget's periods."""
        budget = self.budget
        known = 0 if spent is None else spent.get(self.name, 0)
        return BudgetClaim(budget.id, self.name, budget.amount, min(amount, LARGEST), known, budget.hard)


class Budgets:
    """Works periods out once, and again when they are over or the budget has changed."""

    def __init__(self) -> None:
        self._open: dict[str, OpenBudget] = {}

    def of(self, key: Key, snapshot: Snapshot, moment: datetime) -> Sequence[OpenBudget]:
        """In the order of their scopes."""
        table = snapshot.budgets
        if not table:
            return ()
        found = (*table.of("installation", ""), *table.of("tenant", key.tenant_id), *table.of("key", key.id))
        if key.owner_id is not None:
            found += table.of("user", key.owner_id)
        return [self._in_period(budget, moment) for budget in found]

    def _in_period(self, budget: Budget, moment: datetime) -> OpenBudget:
        current = self._open.get(budget.id)
        if current is None or not current.holds(budget, moment):
            if len(self._open) >= _MOST_KEPT:
                self._open.clear()
            period: Period = period_at(
                budget.schedule, timezone=budget.timezone, starts_at=budget.starts_at, moment=moment
            )
            current = self._open[budget.id] = OpenBudget(budget, period.name, period.start, period.end)
        return current
