"""When a budget's spending reaches the percentage that its owner wants to hear of, or all of it: said once per period and level."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.database import outbox
from admin_api.ledger.budgets import Spending
from common.events.budgets import ThresholdCrossed
from common.events.envelope import Envelope
from common.events.subjects import BUDGET_THRESHOLD_CROSSED
from common.ids import new_id
from common.outbox.table import Entry, Kind

_ALL: Final = 100
_SOURCE: Final = "admin-api-worker"
_crossed = Counter(
    "omg_ledger_budget_thresholds_crossed_total", "Times a budget reached one of its percentages.", ["scope"]
)

_RECORD: Final = text("""
    INSERT INTO ledger.budget_crossings (budget_id, period_start, level, occurred_at) VALUES (:id, :start, :level, :now)
    ON CONFLICT DO NOTHING RETURNING level
""")


async def record_crossings(session: AsyncSession, spending: Sequence[Spending]) -> None:
    """In the transaction that counts the calls; the outbox says what it recorded."""
    for each in spending:
        amount = int(each.budget.amount)
        for level in sorted({each.budget.warn_at, _ALL}):
            if amount and each.spent * 100 >= amount * level:
                await _record(session, each, level)


async def _record(session: AsyncSession, spending: Spending, level: int) -> None:
    budget, period, now = spending.budget, spending.period, datetime.now(UTC)
    values = {"id": budget.id, "start": period.start, "level": level, "now": now}
    if await session.scalar(_RECORD, values) is None:
        return
    fact = Envelope(
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
            spent=str(spending.spent),
        ),
    )
    await outbox.add(session, Entry(Kind.PUBLISH, BUDGET_THRESHOLD_CROSSED, fact.id, msgspec.json.encode(fact)))
    _crossed.labels(scope=budget.scope).inc()
