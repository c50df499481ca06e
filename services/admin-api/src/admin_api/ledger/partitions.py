"""The monthly partitions of `usage_entries`: made ahead, by whichever worker comes first.

A month whose rows are in the default partition already gets its partition too, and the rows move into it. All of that happens
in one transaction per month, under an advisory lock (workers take turns) and an exclusive lock on the default partition: the
rows to move cannot grow meanwhile. Calls of other months are entered undisturbed.
"""

import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.ledger.budget_rows import hold_alone
from common.db.engine import Sessions
from common.logging import get_logger

MONTHS_AHEAD: Final = 2
# Rows of the default partition that are older, or lie further in the future, are somebody's wrong clock: no months for those.
_MONTHS_BACK: Final = 24
_IS_MONTH: Final = re.compile(r"usage_entries_\d{4}_\d{2}")
_NOTE_DROPPED: Final = text("INSERT INTO ledger.dropped_months (ended_at) VALUES (:ended_at) ON CONFLICT DO NOTHING")
_LOCK: Final = zlib.crc32(b"ledger.usage_entries partitions")

_log = get_logger(__name__)
_in_default = Gauge(
    "omg_ledger_default_partition_rows", "Entries outside every monthly partition, by the planner's count."
)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in UTC."""

    year: int
    month: int

    @staticmethod
    def of(moment: datetime) -> "Month":
        """The month `moment` lies in."""
        return Month(moment.astimezone(UTC).year, moment.astimezone(UTC).month)

    def plus(self, months: int) -> "Month":
        """So many months later, or earlier."""
        years, index = divmod(self.month - 1 + months, 12)
        return Month(self.year + years, index + 1)

    @property
    def start(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def partition(self) -> str:
        """The name of the month's table in schema `ledger`."""
        return f"usage_entries_{self.year:04d}_{self.month:02d}"


async def ensure_partitions(sessions: Sessions, *, now: datetime) -> list[str]:
    """Make what is missing of this month's partition, the next ones', and those of stray rows. Returns what was made.

    Any number of workers may do so at once. Raises SQLAlchemy's errors, also when a lock cannot be had within two seconds: to
    be tried again later; until then the default partition takes the rows.
    """
    this = Month.of(now)
    wanted = {this.plus(ahead) for ahead in range(MONTHS_AHEAD + 1)}
    async with sessions.begin() as session:
        wanted |= await _months_of_strays(session, first=this.plus(-_MONTHS_BACK), beyond=this.plus(MONTHS_AHEAD + 1))
        missing = sorted(wanted - await _existing(session, wanted))
    made = []
    for month in missing:
        async with sessions.begin() as session:
            if await make_partition(session, month):
                made.append(month.partition)
    async with sessions.begin() as session:
        estimate = text(
            "SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = 'ledger.usage_entries_default'::regclass"
        )
        _in_default.set(await session.scalar(estimate) or 0)
    if made:
        _log.info("partitions made", partitions=made)
    return made


async def drop_partitions(sessions: Sessions, *, now: datetime, keep: int) -> list[str]:
    """Drop the months of entries that are older than `keep` months before this one; 0 keeps all. Returns what was dropped.

    The hourly sums stay, and so does what budgets have spent. What is dropped is noted (`DroppedMonthRow`); nobody enters calls or
    makes sums again meanwhile. A month that was dropped and came back, with a late entry, goes again. Raises SQLAlchemy's errors,
    also when a lock cannot be had within two seconds: to be tried again later.
    """
    if keep == 0:
        return []
    first_kept = Month.of(now).plus(-keep).partition
    async with sessions.begin() as session:
        old = sorted(name for name in await _names(session) if _IS_MONTH.fullmatch(name) and name < first_kept)
    for name in old:
        async with sessions.begin() as session:
            await session.execute(text("SET LOCAL lock_timeout = '2s'"))
            await hold_alone(session)
            await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            if name in await _names(session):
                month = Month(int(name[-7:-3]), int(name[-2:]))
                await session.execute(_NOTE_DROPPED, {"ended_at": month.plus(1).start})
                await (await session.connection()).exec_driver_sql(f"DROP TABLE ledger.{name}")
    if old:
        _log.info("old entries dropped", partitions=old)
    return old


async def _months_of_strays(session: AsyncSession, *, first: Month, beyond: Month) -> set[Month]:
    found = await session.scalars(
        text("""
            SELECT DISTINCT date_trunc('month', occurred_at, 'UTC') FROM ledger.usage_entries_default
            WHERE occurred_at >= :first AND occurred_at < :beyond
        """),
        {"first": first.start, "beyond": beyond.start},
    )
    return {Month.of(moment) for moment in found}


async def _existing(session: AsyncSession, months: set[Month]) -> set[Month]:
    present = await _names(session)
    return {month for month in months if month.partition in present}


async def _names(session: AsyncSession) -> set[str]:
    found = await session.scalars(
        text("""
            SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
            WHERE inhparent = 'ledger.usage_entries'::regclass
        """)
    )
    return set(found)


async def make_partition(session: AsyncSession, month: Month) -> bool:
    """Whether this call made the partition; another worker may have been faster."""
    await session.execute(text("SET LOCAL lock_timeout = '2s'"))
    await session.execute(text("SET LOCAL statement_timeout = '5min'"))  # for moving the rows of a month
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if await _existing(session, {month}):
        return False
    start, end = month.start.isoformat(), month.plus(1).start.isoformat()
    within = f"occurred_at >= '{start}' AND occurred_at < '{end}'"
    statements = (
        "LOCK TABLE ledger.usage_entries_default IN ACCESS EXCLUSIVE MODE",
        f"CREATE TABLE ledger.{month.partition} (LIKE ledger.usage_entries INCLUDING ALL)",
        f"""WITH moved AS (DELETE FROM ledger.usage_entries_default WHERE {within} RETURNING *)
            INSERT INTO ledger.{month.partition} SELECT * FROM moved""",  # noqa: S608 - from integers
        f"""ALTER TABLE ledger.usage_entries ATTACH PARTITION ledger.{month.partition}
            FOR VALUES FROM ('{start}') TO ('{end}')""",
    )
    connection = await session.connection()
    for statement in statements:
        await connection.exec_driver_sql(statement)
    return True
