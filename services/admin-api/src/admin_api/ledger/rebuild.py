"""Makes the hourly sums again from the entries: for sums that are in doubt, and for kinds of sums that are newer than the entries.

It goes day by day. For each it is alone for a moment: whoever enters calls waits (as for `budgets.make_rows`), so no call is missed
or counted twice while the worker runs. Hours before the oldest entry are left alone, and those of months that were dropped, though
entries of them arrived late: the sums are all there is of the rest.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.ledger.budget_rows import hold_alone
from admin_api.ledger.coarse import CLOSED_HOURS, reopening
from admin_api.ledger.repository import DROPPED_BEFORE
from admin_api.ledger.sums import DIMENSIONS, HOUR, SUMS, TAG_DIMENSIONS
from common.db.engine import Sessions

_DAY: Final = timedelta(days=1)
_NAMES: Final = ", ".join(SUMS)
_OLDEST: Final = text(f"SELECT min(occurred_at) FROM ledger.usage_entries WHERE occurred_at >= {DROPPED_BEFORE}")  # noqa: S608
_IS_DROPPED: Final = text(f"SELECT CAST(:start AS timestamptz) < {DROPPED_BEFORE}")
_HOURS: Final = f"SELECT hour FROM {CLOSED_HOURS} WHERE hour >= :start AND hour < :end"  # noqa: S608 - ours
_REOPEN: Final = text(f"WITH {reopening(_HOURS)} SELECT count(*) FROM opened")  # noqa: S608 - ours
_NEWEST: Final = text("SELECT max(occurred_at) FROM ledger.usage_entries")


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many days were made again, and how many rows of sums were not what they should have been."""

    days: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of hourly sums: by which columns, and from what. Each statement is about the hours from `:start` to `:end`."""

    name: str
    key: str
    source: str
    source_key: str

    @property
    def _known(self) -> str:
        return f"SELECT hour, {self.key}, {_NAMES} FROM {self.name} WHERE hour >= :start AND hour < :end"  # noqa: S608

    @property
    def _fresh(self) -> str:
        return f"""
            SELECT {HOUR} AS hour, {self.source_key}, {", ".join(SUMS.values())} FROM {self.source}
            WHERE occurred_at >= :start AND occurred_at < :end GROUP BY {HOUR}, {self.source_key}
        """  # noqa: S608

    @property
    def wrong(self) -> TextClause:
        """How many rows there are that should not be, or should be and are not."""
        return text(f"""
            SELECT count(*) FROM (({self._known} EXCEPT {self._fresh}) UNION ALL ({self._fresh} EXCEPT {self._known})) AS row
        """)  # noqa: S608

    @property
    def clear(self) -> TextClause:
        return text(f"DELETE FROM {self.name} WHERE hour >= :start AND hour < :end")  # noqa: S608

    @property
    def fill(self) -> TextClause:
        return text(f"INSERT INTO {self.name} (hour, {self.key}, {_NAMES}) {self._fresh}")


_TABLES: Final = (
    _Table("ledger.usage_hourly", ", ".join(DIMENSIONS), "ledger.usage_entries", ", ".join(DIMENSIONS)),
    _Table(
        "ledger.usage_hourly_tags",
        ", ".join(TAG_DIMENSIONS),
        "ledger.usage_entries CROSS JOIN LATERAL jsonb_each_text(tags) AS tag(name, value)",
        ", ".join(TAG_DIMENSIONS),
    ),
)


async def rebuild(sessions: Sessions, *, start: datetime | None = None, end: datetime | None = None) -> Rebuilt:
    """Make the sums of whole UTC days again that touch the range, by default of all that have entries.

    Raises SQLAlchemy's errors; the days before are done then, and to do them again harms nothing.
    """
    async with sessions.begin() as session:
        oldest, newest = await session.scalar(_OLDEST), await session.scalar(_NEWEST)
    if oldest is None or newest is None:
        return Rebuilt()
    # The first hour of the oldest entry is whole: entries are dropped by the month.
    first = max(_hour(oldest), _day(start)) if start is not None else _hour(oldest)
    last = newest if end is None else min(newest, end - timedelta(microseconds=1))
    done = Rebuilt()
    while first <= last:
        following = _day(first) + _DAY
        async with sessions.begin() as session:
            wrong = await _rebuild(session, first, following)
        if wrong is not None:
            done = Rebuilt(done.days + 1, done.wrong + wrong)
        first = following
    return done


async def _rebuild(session: AsyncSession, start: datetime, end: datetime) -> int | None:
    """How many rows were wrong; `None` when the day's entries were dropped, and nothing can be said."""
    await session.execute(text("SET LOCAL statement_timeout = '10min'"))
    await session.execute(text("SET LOCAL lock_timeout = '1min'"))
    await hold_alone(session)  # nor are entries dropped
    if await session.scalar(_IS_DROPPED, {"start": start}):
        return None
    within, wrong = {"start": start, "end": end}, 0
    await session.execute(_REOPEN, within)
    for table in _TABLES:
        different = await session.scalar(table.wrong, within) or 0
        if different:
            await session.execute(table.clear, within)
            await session.execute(table.fill, within)
        wrong += different
    return wrong


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _day(moment: datetime) -> datetime:
    return _hour(moment).replace(hour=0)
