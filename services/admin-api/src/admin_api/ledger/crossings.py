"""When a budget's spending reaches a percentage that its owner wants to hear of, or all of it: said once per period and level.

A level that is not reached any more, because the amount was raised, is forgotten, and said again when it is reached (`settle`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.budgets import repository
from admin_api.budgets.domain import Subject
from admin_api.database import outbox
from common.budget_periods import Period
from common.events.budgets import ThresholdCrossed
from common.events.control import BudgetRecord
from common.events.envelope import Envelope
from common.events.subjects import BUDGET_THRESHOLD_CROSSED
from common.ids import new_id
from common.outbox.table import Entry, Kind

_ALL: Final = 100
_SOURCE: Final = "admin-api-worker"
_crossed = Counter(
    "omg_ledger_budget_thresholds_crossed_total", "Times a budget reached one of its percentages.", ["scope"]
)

_LEVELS: Final = "unnest(CAST(:ids AS text[]), CAST(:starts AS timestamptz[]), CAST(:levels AS smallint[]))"
_RECORD: Final = text(f"""
    INSERT INTO ledger.budget_crossings (budget_id, period_start, level, occurred_at)
    SELECT budget_id, period_start, level, CAST(:now AS timestamptz)
    FROM {_LEVELS} AS reached (budget_id, period_start, level) ORDER BY budget_id, period_start, level
    ON CONFLICT DO NOTHING RETURNING budget_id, period_start, level
""")  # noqa: S608 - of constants of this module
_READ: Final = text("""
    SELECT budget_id, period_start, level FROM ledger.budget_crossings
    JOIN unnest(CAST(:ids AS text[]), CAST(:starts AS timestamptz[])) AS asked (budget_id, period_start)
        USING (budget_id, period_start)
""")
_FORGET: Final = text(f"""
    DELETE FROM ledger.budget_crossings AS known USING {_LEVELS} AS gone (budget_id, period_start, level)
    WHERE known.budget_id = gone.budget_id AND known.period_start = gone.period_start AND known.level = gone.level
""")  # noqa: S608 - of constants of this module

_Crossing = tuple[str, datetime, int]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a budget has spent of one of its periods."""

    budget: BudgetRecord
    period: Period
    spent: int

    @property
    def reached(self) -> set[int]:
        """Of the percentages that are said. Of a budget of nothing there is none."""
        return reached(self.budget, self.spent)

    @property
    def crossings(self) -> set[_Crossing]:
        return {(self.budget.id, self.period.start, level) for level in self.reached}


def reached(budget: BudgetRecord, spent: int) -> set[int]:
    """Which of the percentages that are said so much is."""
    amount = int(budget.amount)
    levels = (budget.warn_at, *budget.alert_at, _ALL)
    return {level for level in levels if amount and spent * 100 >= amount * level}


async def record(session: AsyncSession, standings: Sequence[Standing], *, now: datetime) -> None:
    """Say what these have reached and was not said yet, by the outbox. The transaction holds their rows."""
    by_place = {(each.budget.id, each.period.start): each for each in standings}
    new = set().union(*(each.crossings for each in standings))
    if not new:
        return
    recorded = await session.execute(_RECORD, {**_columns(new), "now": now})
    rows = list(recorded)
    subjects = await repository.subjects(session, {row.budget_id for row in rows})
    facts = [
        _fact(by_place[row.budget_id, row.period_start], row.level, subjects.get(row.budget_id, Subject()), now)
        for row in rows
    ]
    facts.sort(key=lambda fact: (fact.data.budget_id, fact.data.period_start, fact.data.level))
    entries = (Entry(Kind.PUBLISH, BUDGET_THRESHOLD_CROSSED, fact.id, msgspec.json.encode(fact)) for fact in facts)
    await outbox.add(session, *entries)
    for fact in facts:
        _crossed.labels(scope=fact.data.scope).inc()


async def settle(session: AsyncSession, standings: Sequence[Standing], *, now: datetime) -> None:
    """As `record`; besides, forget what was said and is not reached any more."""
    gone = await _recorded(session, standings) - set().union(*(each.crossings for each in standings))
    if gone:
        await session.execute(_FORGET, _columns(gone))
    await record(session, standings, now=now)


async def unsettled(session: AsyncSession, standings: Sequence[Standing]) -> list[Standing]:
    """Those of which something else was said than they have reached."""
    recorded = await _recorded(session, standings)
    differing = recorded ^ set().union(*(each.crossings for each in standings))
    places = {(budget_id, start) for budget_id, start, _ in differing}
    return [each for each in standings if (each.budget.id, each.period.start) in places]


async def _recorded(session: AsyncSession, standings: Sequence[Standing]) -> set[_Crossing]:
    places = {"ids": [each.budget.id for each in standings], "starts": [each.period.start for each in standings]}
    return {(row.budget_id, row.period_start, row.level) for row in await session.execute(_READ, places)}


def _columns(crossings: Collection[_Crossing]) -> dict[str, Any]:
    ids, starts, levels = zip(*sorted(crossings), strict=True)
    return {"ids": list(ids), "starts": list(starts), "levels": list(levels)}


def _fact(standing: Standing, level: int, subject: Subject, now: datetime) -> Envelope[ThresholdCrossed]:
    budget, period = standing.budget, standing.period
    return Envelope(
        id=new_id("evt"),
        type=BUDGET_THRESHOLD_CROSSED,
        source=_SOURCE,
        time=now,
        data=ThresholdCrossed(
            budget_id=budget.id,
            name=budget.name,
            scope=budget.scope,
            subject=budget.subject,
            hard=budget.hard,
            period_start=period.start,
            period_end=period.end,
            level=level,
            amount=budget.amount,
            spent=str(standing.spent),
            tenant_id=subject.tenant_id,
            tenant_name=subject.tenant_name,
            subject_name=subject.name,
        ),
    )
