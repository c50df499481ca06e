"""What budgets have spent: the sums of their entries by period, kept in step by the transaction that inserts the entries.

A row of `budget_periods` is the sum of all that counts for the period: of a rolling budget the last N days, so that a call adds to
the rows of N days, as far as they are there. Whoever enters calls adds to the rows that are there (`add_spending`), while others
do so too. Rows that are not there are made afterwards by summing up (`make_rows`), alone, in a transaction of its own: a call is
either in that sum or added to the row. So no call is missed or counted twice, whatever workers do at the same time; a budget that
is made in the middle of a period has spent what was spent before; and a row that cannot be made (it would take too long, Postgres
is away) holds up no call: `omg_ledger_budget_row_failures_total`, and the reconciler tries again.

A budget whose days begin at another time is another budget: its rows are forgotten (`forget`) and made again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.budgets import repository
from admin_api.budgets.domain import Spent
from admin_api.ledger import budget_rows, crossings
from admin_api.ledger import repository as entries
from admin_api.ledger.budget_rows import Place
from admin_api.ledger.crossings import Standing
from common.budget_periods import Period, period_at
from common.db.engine import Sessions
from common.events.control import BudgetRecord
from common.events.usage import UsageEnvelope
from common.logging import get_logger

_ROWS_AT_ONCE: Final = 50
_MAKE_TIMEOUT_S: Final = 10.0

_log = get_logger(__name__)
_row_failures = Counter("omg_ledger_budget_row_failures_total", "Times that rows of budgets could not be made.")

Wanted = tuple[BudgetRecord, Period]


@dataclass(slots=True)
class Spending:
    """The calls of a batch that count for a budget, by the period they began in; `added` is what the new ones of them cost."""

    budget: BudgetRecord
    period: Period
    call_ids: list[str] = field(default_factory=list)
    added: int = 0

    @property
    def place(self) -> Place:
        return self.budget.id, self.period.start


async def enter_together(session: AsyncSession) -> None:
    """To be called before entries are inserted."""
    await budget_rows.hold_shared(session)


async def add_spending(
    session: AsyncSession, calls: Sequence[UsageEnvelope], *, new: Collection[entries.Place], now: datetime
) -> tuple[list[Spending], list[Wanted]]:
    """Count calls that were just inserted, the `new` ones, in the rows that are there, and say which levels that crosses.

    Gives what Redis is to be told, also of repeated calls, for it may have missed them the first time; and the rows to make.
    """
    spending = await _spending_of(session, calls, new)
    firsts: dict[str, datetime] = {}
    by_budget: dict[str, list[Spending]] = defaultdict(list)
    for each in spending:
        if each.added:
            firsts[each.budget.id] = min(each.period.start, firsts.get(each.budget.id, each.period.start))
            by_budget[each.budget.id].append(each)
    latest = max((now, *(call.time for call in calls)))
    changed: dict[Place, int] = {}
    risen: list[Standing] = []
    locked = await budget_rows.lock_from(session, firsts)
    for place, before in locked.items():
        budget = by_budget[place[0]][0].budget
        period = period_of(budget, place[1])
        added = sum(each.added for each in by_budget[budget.id] if _counts(period, each.period))
        if period.start != place[1] or not added:  # a row of other periods than the budget has now is none of its own
            continue
        changed[place] = before + added
        is_higher = crossings.reached(budget, before + added) > crossings.reached(budget, before)
        if is_higher and period.start <= latest:
            risen.append(Standing(budget, period, before + added))
    await budget_rows.write(session, changed)
    await crossings.record(session, risen, now=now)
    return spending, [(each.budget, each.period) for each in spending if each.added and each.place not in locked]


async def make_rows(
    sessions: Sessions, wanted: Sequence[Wanted], *, now: datetime, latest: datetime | None = None
) -> None:
    """Make those rows that are not there, and say which levels they have reached if the period began by `latest` (by now).

    Failures are counted; one row's are not the others'.
    """
    for start in range(0, len(wanted), _ROWS_AT_ONCE):
        await _make_or_halve(sessions, wanted[start : start + _ROWS_AT_ONCE], now=now, latest=latest or now)


async def read_spent(session: AsyncSession, budgets: Sequence[BudgetRecord], *, now: datetime) -> dict[str, Spent]:
    """By budget, of the period it is in. Rows that are not there are summed up, and not made."""
    wanted = [(budget, period_of(budget, now)) for budget in budgets]
    spent = await _read(session, wanted)
    return {budget.id: Spent(period, spent[budget.id, period.start]) for budget, period in wanted}


async def spent_of(sessions: Sessions, wanted: Sequence[Wanted], *, now: datetime) -> dict[Place, int]:
    """What was spent of these. Rows that are not there are made."""
    async with sessions.begin() as session:
        known = await budget_rows.read(session, [place_of(each) for each in wanted])
    missing = [each for each in wanted if place_of(each) not in known]
    if not missing:
        return known
    await make_rows(sessions, missing, now=now)
    async with sessions.begin() as session:
        return known | await _read(session, missing)


async def forget(session: AsyncSession, budget_ids: Collection[str]) -> None:
    """To be called where a budget goes, or gets periods that begin or end at another time, in the same transaction."""
    if budget_ids:
        await budget_rows.hold_alone(session)
        await budget_rows.forget(session, budget_ids)


async def note_amount(session: AsyncSession, budget: BudgetRecord, *, now: datetime) -> None:
    """To be called where a budget's amount changes, in the same transaction: earlier periods keep what it was."""
    await budget_rows.set_amount(session, (budget.id, period_of(budget, now).start), int(budget.amount))


def period_of(budget: BudgetRecord, moment: datetime) -> Period:
    return period_at(budget.schedule, timezone=budget.timezone, starts_at=budget.starts_at, moment=moment)


def place_of(wanted: Wanted) -> Place:
    return wanted[0].id, wanted[1].start


async def _read(session: AsyncSession, wanted: Sequence[Wanted]) -> dict[Place, int]:
    spent = await budget_rows.read(session, [place_of(each) for each in wanted])
    for each in wanted:
        if place_of(each) not in spent:
            spent[place_of(each)] = await budget_rows.sum_up(session, *each)
    return spent


async def _make_or_halve(sessions: Sessions, wanted: Sequence[Wanted], *, now: datetime, latest: datetime) -> None:
    try:
        await _make(sessions, wanted, now=now, latest=latest)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        if len(wanted) > 1:
            middle = len(wanted) // 2
            await _make_or_halve(sessions, wanted[:middle], now=now, latest=latest)
            await _make_or_halve(sessions, wanted[middle:], now=now, latest=latest)
            return
        _row_failures.inc()
        _log.warning("what a budget has spent was not summed up", budget=wanted[0][0].id, reason=repr(error))


async def _make(sessions: Sessions, wanted: Sequence[Wanted], *, now: datetime, latest: datetime) -> None:
    async with asyncio.timeout(_MAKE_TIMEOUT_S), sessions.begin() as session:  # calls wait meanwhile
        await budget_rows.hold_alone(session)
        # Read again: only now it can neither go nor change.
        budgets = {each.id: each for each in await repository.records(session, {budget.id for budget, _ in wanted})}
        known = await budget_rows.read(session, [place_of(each) for each in wanted])
        made: list[Standing] = []
        for place in sorted({place_of(each) for each in wanted} - set(known)):
            budget = budgets.get(place[0])
            if budget is None or (period := period_of(budget, place[1])).start != place[1]:
                continue
            spent = await budget_rows.sum_up(session, budget, period)
            await budget_rows.insert(session, place, spent=spent, amount=int(budget.amount))
            if period.start <= latest:
                made.append(Standing(budget, period, spent))
        await crossings.record(session, made, now=now)


async def _spending_of(
    session: AsyncSession, calls: Sequence[UsageEnvelope], new: Collection[entries.Place]
) -> list[Spending]:
    owners = await budget_rows.owners(session, {call.data.key_id for call in calls})
    found = await repository.applying(
        session,
        tenant_ids={call.data.tenant_id for call in calls},
        key_ids={call.data.key_id for call in calls},
        user_ids=set(owners.values()),
    )
    by_subject: dict[tuple[str, str], list[BudgetRecord]] = defaultdict(list)
    for budget in found:
        by_subject[budget.scope, budget.subject].append(budget)
    spending: dict[str, list[Spending]] = defaultdict(list)
    for call in calls if found else ():
        for subject in _subjects(call, owners):
            for budget in by_subject.get(subject, ()):
                each = _of_period(spending[budget.id], budget, call.time)
                if each is None:
                    continue
                each.call_ids.append(call.id)
                if entries.place_of(call) in new and call.time >= each.period.counts_from:
                    each.added += int(call.data.cost_nano_usd)
    return [each for of_budget in spending.values() for each in of_budget]


def _subjects(call: UsageEnvelope, owners: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    yield "installation", ""
    yield "tenant", call.data.tenant_id
    yield "key", call.data.key_id
    if owner := owners.get(call.data.key_id):
        yield "user", owner


def _of_period(spending: list[Spending], budget: BudgetRecord, moment: datetime) -> Spending | None:
    """Where a call that began at that moment is counted; `None`: nowhere."""
    for each in spending:
        if each.period.start <= moment and (each.period.end is None or moment < each.period.end):
            return each
    try:
        period = period_of(budget, moment)
    except (OverflowError, ValueError):  # somebody's wrong clock, at the end of the calendar
        return None
    for each in spending:
        if each.period == period:
            return each
    spending.append(Spending(budget, period))
    return spending[-1]


def _counts(period: Period, part: Period) -> bool:
    """Whether what was spent in `part`, a period of the same budget, counts for `period`."""
    return period.counts_from <= part.start and (period.end is None or part.start < period.end)
