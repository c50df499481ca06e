"""Why a call cost what it did, and where that went: from the lines of its bill to the hour's sum and the budgets it counts for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.budgets import repository as budgets
from admin_api.ledger import budget_rows
from admin_api.ledger.budgets import period_of
from admin_api.ledger.models import UsageEntryRow, UsageHourlyRow
from admin_api.usage import calls, repository
from admin_api.usage.filters import Scope
from common.budget_periods import Period
from common.db.engine import Sessions
from common.events.control import BudgetRecord
from common.http.errors import NotFoundError
from common.money import UNITS_PER_PRICE

_OF_TENANTS: Final = frozenset({"tenant", "key"})


@dataclass(frozen=True, slots=True)
class ChargedLine:
    """`price` is nano-USD per million, `amount` their exact product in nano-USD."""

    kind: str
    quantity: int
    price: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ChargedBudget:
    """What is spent by now of the period that the call counts for, in nano-USD."""

    budget: BudgetRecord
    period: Period
    spent: int


@dataclass(frozen=True, slots=True)
class Charge:
    """`cost` is the sum of the lines, rounded once. `hour` is the sum that it is part of, null when there is none (yet)."""

    entry: UsageEntryRow
    lines: Sequence[ChargedLine]
    hour: UsageHourlyRow | None
    budgets: Sequence[ChargedBudget]


async def explain(sessions: Sessions, scope: Scope, call_id: str) -> Charge:
    """With a scope, only the budgets of tenants and keys: others are not its people's to see. Raises `NotFoundError`."""
    async with sessions.begin() as session:
        await repository.bound_statements(session)
        entry = await calls.find(session, scope, call_id)
        if entry is None:
            raise NotFoundError("There is no such call.")
        found = await _budgets(
            session, entry, only_of_tenants=scope.tenant_ids is not None or scope.key_ids is not None
        )
        return Charge(entry, [_line(line) for line in entry.lines], await _hour(session, entry), found)


def _line(line: dict[str, str | int]) -> ChargedLine:
    quantity, price = int(line["quantity"]), int(line["price"])
    return ChargedLine(str(line["kind"]), quantity, price, Decimal(quantity * price) / UNITS_PER_PRICE)


async def _hour(session: AsyncSession, entry: UsageEntryRow) -> UsageHourlyRow | None:
    return await session.get(
        UsageHourlyRow,
        (
            _hour_of(entry.occurred_at),
            entry.tenant_id,
            entry.key_id,
            entry.alias,
            entry.provider,
            entry.model,
        ),
    )


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


async def _budgets(session: AsyncSession, entry: UsageEntryRow, *, only_of_tenants: bool) -> list[ChargedBudget]:
    owners = await budget_rows.owners(session, [entry.key_id])
    applying = await budgets.applying(
        session, tenant_ids=[entry.tenant_id], key_ids=[entry.key_id], user_ids=list(owners.values())
    )
    wanted = [
        (budget, period_of(budget, entry.occurred_at))
        for budget in applying
        if not only_of_tenants or budget.scope in _OF_TENANTS
    ]
    wanted = [(budget, period) for budget, period in wanted if entry.occurred_at >= period.counts_from]
    known = await budget_rows.read(session, [(budget.id, period.start) for budget, period in wanted])
    found = []
    for budget, period in sorted(wanted, key=lambda each: each[0].id):
        spent = known.get((budget.id, period.start))
        if spent is None:
            spent = await budget_rows.sum_up(session, budget, period)
        found.append(ChargedBudget(budget, period, spent))
    return found
