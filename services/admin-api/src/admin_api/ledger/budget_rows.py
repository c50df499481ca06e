"""Every statement on what budgets have spent. What is done with them, and in which order, is in `budgets`.

Sums over a long time come from the hourly ones; only hours that a period's boundary cuts are summed from the entries.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.models import ApiKeyRow
from common.budget_periods import Period
from common.events.control import BudgetRecord, BudgetScope

Place = tuple[str, datetime]
"""A budget's id and the start of one of its periods."""

_LOCK: Final = zlib.crc32(b"ledger.budget_periods")
_HOUR: Final = timedelta(hours=1)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)

_PLACES: Final = "unnest(CAST(:ids AS text[]), CAST(:starts AS timestamptz[]))"
_READ: Final = text(f"""
    SELECT budget_id, period_start, spent_nano_usd FROM ledger.budget_periods
    JOIN {_PLACES} AS asked (budget_id, period_start) USING (budget_id, period_start)
""")  # noqa: S608 - of constants of this module
_LOCK_FROM: Final = text(f"""
    SELECT known.budget_id, known.period_start, known.spent_nano_usd FROM ledger.budget_periods AS known
    JOIN {_PLACES} AS asked (budget_id, first) ON known.budget_id = asked.budget_id AND known.period_start >= asked.first
    ORDER BY known.budget_id, known.period_start FOR UPDATE OF known
""")  # noqa: S608 - of constants of this module
_SET: Final = text("""
    UPDATE ledger.budget_periods AS known SET spent_nano_usd = changed.spent
    FROM unnest(CAST(:ids AS text[]), CAST(:starts AS timestamptz[]), CAST(:spent AS numeric[]))
        AS changed (budget_id, period_start, spent)
    WHERE known.budget_id = changed.budget_id AND known.period_start = changed.period_start
""")
_INSERT: Final = text("""
    INSERT INTO ledger.budget_periods (budget_id, period_start, spent_nano_usd, amount_nano_usd)
    VALUES (:id, :start, :spent, :amount)
    ON CONFLICT DO NOTHING
""")
_SET_AMOUNT: Final = text("""
    UPDATE ledger.budget_periods SET amount_nano_usd = :amount WHERE budget_id = :id AND period_start = :start
""")
_FORGET: Final = (
    text("DELETE FROM ledger.budget_periods WHERE budget_id = ANY(:ids)"),
    text("DELETE FROM ledger.budget_crossings WHERE budget_id = ANY(:ids)"),
)

_WHOSE: Final[Mapping[BudgetScope, str]] = {
    "installation": "TRUE",
    "tenant": "tenant_id = :subject",
    "key": "key_id = :subject",
    "user": "key_id IN (SELECT id FROM control.api_keys WHERE owner_id = :subject)",
}


async def hold_shared(session: AsyncSession) -> None:
    """Until the transaction ends, rows are not made. Many hold this at once."""
    await session.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": _LOCK})


async def hold_alone(session: AsyncSession) -> None:
    """Until the transaction ends, nobody enters calls: what is committed now is all there is."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


async def owners(session: AsyncSession, key_ids: Collection[str]) -> Mapping[str, str]:
    """The owner of each of these keys that has one."""
    columns = ApiKeyRow.id, ApiKeyRow.owner_id
    statement = select(*columns).where(ApiKeyRow.id.in_(key_ids), ApiKeyRow.owner_id.is_not(None))
    return {row.id: row.owner_id for row in await session.execute(statement)}


async def read(session: AsyncSession, places: Collection[Place]) -> dict[Place, int]:
    """What was spent, of those rows that are there."""
    if not places:
        return {}
    return _by_place(await session.execute(_READ, _columns(places)))


async def lock_from(session: AsyncSession, firsts: Mapping[str, datetime]) -> dict[Place, int]:
    """What was spent, of each budget's rows from a moment on; nobody else changes them until the transaction ends.

    They are locked in the order of their keys: who waits for whom is never a circle.
    """
    if not firsts:
        return {}
    return _by_place(await session.execute(_LOCK_FROM, _columns(list(firsts.items()))))


async def write(session: AsyncSession, spent: Mapping[Place, int]) -> None:
    """Set rows that the transaction has locked."""
    if spent:
        await session.execute(_SET, {**_columns(spent), "spent": list(spent.values())})


async def insert(session: AsyncSession, place: Place, *, spent: int, amount: int) -> None:
    """Make a row, unless it is there."""
    await session.execute(_INSERT, {"id": place[0], "start": place[1], "spent": spent, "amount": amount})


async def set_amount(session: AsyncSession, place: Place, amount: int) -> None:
    """The budget is another one from this period on."""
    await session.execute(_SET_AMOUNT, {"id": place[0], "start": place[1], "amount": amount})


async def forget(session: AsyncSession, budget_ids: Collection[str]) -> None:
    for statement in _FORGET:
        await session.execute(statement, {"ids": list(budget_ids)})


async def sum_up(session: AsyncSession, budget: BudgetRecord, period: Period) -> int:
    """What the entries say was spent in all that counts for a period."""
    start, end = period.counts_from, period.end or _NEVER
    whole_from, whole_to = min(_next_hour(start), end), end if period.end is None else _hour(end)
    whose = _WHOSE[budget.scope]
    statement = text(f"""
        SELECT coalesce(sum(spent), 0) FROM (
            SELECT sum(cost_nano_usd) AS spent FROM ledger.usage_hourly
            WHERE hour >= :whole_from AND hour < :whole_to AND {whose}
            UNION ALL
            SELECT sum(cost_nano_usd) FROM ledger.usage_entries
            WHERE occurred_at >= :start AND occurred_at < :whole_from AND {whose}
            UNION ALL
            SELECT sum(cost_nano_usd) FROM ledger.usage_entries
            WHERE occurred_at >= :whole_to AND occurred_at < :end AND {whose}
        ) AS parts
    """)  # noqa: S608 - of constants of this module
    values: dict[str, Any] = {"start": start, "whole_from": whole_from, "whole_to": whole_to, "end": end}
    if budget.scope != "installation":
        values["subject"] = budget.subject
    return int(await session.scalar(statement, values) or 0)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _next_hour(moment: datetime) -> datetime:
    """The first whole hour from a moment on."""
    hour = _hour(moment)
    return hour if hour == moment else _NEVER if hour > _NEVER - _HOUR else hour + _HOUR


def _columns(places: Collection[Place]) -> dict[str, Sequence[Any]]:
    return {"ids": [place[0] for place in places], "starts": [place[1] for place in places]}


def _by_place(rows: Any) -> dict[Place, int]:
    return {(row.budget_id, row.period_start): int(row.spent_nano_usd) for row in rows}
