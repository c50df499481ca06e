"""The periods a budget has had, newest first: what it was, what was spent, and when which percentage was reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.ledger import budget_rows
from admin_api.ledger.budgets import period_of
from admin_api.ledger.models import BudgetCrossingRow, BudgetPeriodRow
from common.budget_periods import Period
from common.events.control import BudgetRecord

_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PastPeriod:
    """In nano-USD. `amount` is what the budget was at the end of the period, or is now; null where that was not kept.
    `reached` are percentages, with the moments they were noticed."""

    period: Period
    amount: int | None
    spent: int
    reached: Sequence[tuple[int, datetime]]


async def read_periods(
    session: AsyncSession, budget: BudgetRecord, *, made_at: datetime, before: datetime, limit: int
) -> list[PastPeriod]:
    """At most `limit` periods that began before a moment, back to the one in which the budget was made."""
    periods = _periods(budget, made_at=made_at, before=before, limit=limit)
    if not periods:
        return []
    starts = [period.start for period in periods]
    rows = {row.period_start: row for row in await session.scalars(_of(BudgetPeriodRow, budget.id, starts))}
    crossings = list(await session.scalars(_of(BudgetCrossingRow, budget.id, starts)))
    found = []
    for period in periods:
        row = rows.get(period.start)
        if row is None:
            spent, amount = await budget_rows.sum_up(session, budget, period), None
        else:
            spent, amount = int(row.spent_nano_usd), row.amount_nano_usd
        reached = sorted((each.level, each.occurred_at) for each in crossings if each.period_start == period.start)
        found.append(PastPeriod(period, amount, spent, reached))
    return found


def _of(table: type[BudgetPeriodRow] | type[BudgetCrossingRow], budget_id: str, starts: Sequence[datetime]) -> Any:
    return select(table).where(table.budget_id == budget_id, table.period_start.in_(starts))


def _periods(budget: BudgetRecord, *, made_at: datetime, before: datetime, limit: int) -> list[Period]:
    periods: list[Period] = []
    moment = before - _INSTANT
    while len(periods) < limit:
        period = period_of(budget, moment)
        if period.start >= before or (period.end is not None and period.end <= made_at):
            break
        periods.append(period)
        if period.start <= made_at or period.end is None:
            break
        moment = period.start - _INSTANT
    return periods
