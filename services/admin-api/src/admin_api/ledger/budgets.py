"""What budgets have spent: the sums of their entries by period, kept in step by the transaction that inserts the entries.

A period's row is made by summing up what is there, in a transaction of its own that waits for everybody who is entering calls and
keeps others waiting (`ensure_periods`); from then on whoever enters calls adds to it. So a budget that is made in the middle of a
period has spent what was spent before, and no call is missed or counted twice whatever workers do at the same time. Of a rolling
budget the rows are days, and what it has spent is the sum of the last ones.
"""

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.models import ApiKeyRow
from admin_api.budgets import repository
from admin_api.budgets.domain import Spent
from admin_api.ledger.models import BudgetPeriodRow
from common.budget_periods import Period, period_at
from common.db.engine import Sessions
from common.events.control import BudgetRecord
from common.events.usage import UsageEnvelope

_LOCK: Final = zlib.crc32(b"ledger.budget_periods")
_A_MOMENT: Final = timedelta(microseconds=1)


class MissingPeriodsError(Exception):
    """Rows that have to be made before these calls can be entered."""

    def __init__(self, missing: Sequence[tuple[BudgetRecord, Period]]) -> None:
        super().__init__(f"{len(missing)} periods of budgets are not there yet")
        self.missing = missing


@dataclass(slots=True)
class Spending:
    """What a batch added to a budget in one period, and what it has spent of it now."""

    budget: BudgetRecord
    period: Period
    call_ids: list[str] = field(default_factory=list)
    added: int = 0
    spent: int = 0


async def enter_together(session: AsyncSession) -> None:
    """To be called before entries are inserted."""
    await session.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": _LOCK})


async def add_spending(session: AsyncSession, envelopes: Sequence[UsageEnvelope]) -> list[Spending]:
    """Count calls that were just inserted. Raises `MissingPeriodsError`; then nothing may be committed."""
    spending = await _spending_of(session, envelopes)
    missing: list[tuple[BudgetRecord, Period]] = []
    for each in spending:
        days = window(each.budget, each.period)
        known = await _rows(session, each.budget.id, days)
        missing += [(each.budget, day) for day in days if day.start not in known]
        each.spent = sum(known.values()) + each.added
    if missing:
        raise MissingPeriodsError(missing)
    add = text("""
        UPDATE ledger.budget_periods SET spent_nano_usd = spent_nano_usd + :added
        WHERE budget_id = :id AND period_start = :start RETURNING spent_nano_usd
    """)
    for each in spending:  # in one order for all workers: they wait for each other, they never deadlock
        values = {"id": each.budget.id, "start": each.period.start, "added": each.added}
        now_there = int(await session.scalar(add, values) or 0)
        if each.period.counts_from == each.period.start:
            each.spent = now_there  # others may have added since it was read
    return spending


async def ensure_periods(sessions: Sessions, missing: Iterable[tuple[BudgetRecord, Period]]) -> None:
    """Make rows that are missing. Other workers may do so at the same time."""
    async with sessions.begin() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        for budget, period in missing:
            condition, values = _entries_of(budget, period)
            statement = text(f"""
                INSERT INTO ledger.budget_periods (budget_id, period_start, spent_nano_usd)
                SELECT CAST(:id AS text), CAST(:start AS timestamptz), coalesce(sum(cost_nano_usd), 0)
                FROM ledger.usage_entries WHERE {condition} ON CONFLICT DO NOTHING
            """)  # noqa: S608 - of constants of this module
            await session.execute(statement, {"id": budget.id, **values})


async def read_spent(session: AsyncSession, budgets: Sequence[BudgetRecord], *, now: datetime) -> dict[str, Spent]:
    """By budget, of the period it is in."""
    return {budget.id: await spent_in(session, budget, period_of(budget, now)) for budget in budgets}


async def spent_in(session: AsyncSession, budget: BudgetRecord, period: Period) -> Spent:
    """Rows that are not there yet are summed up, and not made."""
    days = window(budget, period)
    known = await _rows(session, budget.id, days)
    spent = sum(known.values())
    for day in days:
        if day.start not in known:
            condition, values = _entries_of(budget, day)
            statement = text(f"SELECT coalesce(sum(cost_nano_usd), 0) FROM ledger.usage_entries WHERE {condition}")  # noqa: S608
            spent += int(await session.scalar(statement, values) or 0)
    return Spent(period, spent)


def period_of(budget: BudgetRecord, moment: datetime) -> Period:
    return period_at(budget.schedule, timezone=budget.timezone, starts_at=budget.starts_at, moment=moment)


def window(budget: BudgetRecord, period: Period) -> list[Period]:
    """The periods whose sums count for this one, the newest first: itself, and of a rolling budget the days before."""
    days = [period]
    while days[-1].start > period.counts_from:
        days.append(period_of(budget, days[-1].start - _A_MOMENT))
    return days


async def _spending_of(session: AsyncSession, envelopes: Sequence[UsageEnvelope]) -> list[Spending]:
    owners = await _owners(session, {envelope.data.key_id for envelope in envelopes})
    tenants = {envelope.data.tenant_id for envelope in envelopes}
    found = await repository.applying(
        session, tenant_ids=tenants, key_ids={each.data.key_id for each in envelopes}, user_ids=set(owners.values())
    )
    by_subject: dict[tuple[str, str], list[BudgetRecord]] = defaultdict(list)
    for budget in found:
        by_subject[budget.scope, budget.subject].append(budget)
    spending: dict[tuple[str, datetime], Spending] = {}
    for envelope in envelopes:
        data = envelope.data
        subjects = (
            ("installation", ""),
            ("tenant", data.tenant_id),
            ("key", data.key_id),
            ("user", owners.get(data.key_id, "")),
        )
        for subject in subjects:
            for budget in by_subject.get(subject, ()):
                try:
                    period = period_of(budget, envelope.time)
                except (OverflowError, ValueError):  # somebody's wrong clock, at the end of the calendar
                    continue
                each = spending.setdefault((budget.id, period.start), Spending(budget, period))
                each.call_ids.append(envelope.id)
                each.added += int(data.cost_nano_usd)
    return [spending[place] for place in sorted(spending)]


async def _owners(session: AsyncSession, key_ids: Collection[str]) -> Mapping[str, str]:
    statement = select(ApiKeyRow.id, ApiKeyRow.owner_id).where(
        ApiKeyRow.id.in_(key_ids), ApiKeyRow.owner_id.is_not(None)
    )
    return {row.id: row.owner_id for row in await session.execute(statement)}


async def _rows(session: AsyncSession, budget_id: str, periods: Sequence[Period]) -> dict[datetime, int]:
    statement = select(BudgetPeriodRow.period_start, BudgetPeriodRow.spent_nano_usd).where(
        BudgetPeriodRow.budget_id == budget_id, BudgetPeriodRow.period_start.in_([each.start for each in periods])
    )
    return {row.period_start: int(row.spent_nano_usd) for row in await session.execute(statement)}


def _entries_of(budget: BudgetRecord, period: Period) -> tuple[str, dict[str, Any]]:
    """The condition, and its values, for the entries that count for a budget in a period (of a rolling one: on that day)."""
    values: dict[str, Any] = {"start": period.start, "subject": budget.subject}
    condition = "occurred_at >= CAST(:start AS timestamptz)"
    if period.end is not None:
        condition += " AND occurred_at < CAST(:end AS timestamptz)"
        values["end"] = period.end
    match budget.scope:
        case "installation":
            del values["subject"]
        case "tenant":
            condition += " AND tenant_id = :subject"
        case "key":
            condition += " AND key_id = :subject"
        case "user":
            condition += " AND key_id IN (SELECT id FROM control.api_keys WHERE owner_id = :subject)"
    return condition, values
