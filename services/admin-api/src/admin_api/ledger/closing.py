"""Closes hours that are over: their coarser sums are made, so that reports need not read the finer ones.

For each handful of hours it is alone for a moment, as a rebuild is: whoever enters calls waits, so no call is missed. Failure
policy: an hour that is not closed is read from the hourly sums; `omg_ledger_closing_failures_total` counts.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter
from sqlalchemy import text

from admin_api.ledger.budget_rows import hold_alone
from admin_api.ledger.coarse import CLOSED_HOURS, COARSE
from admin_api.ledger.sums import SUMS
from common.clock import Clock
from common.db.engine import Sessions
from common.db.errors import DatabaseUnavailableError
from common.logging import get_logger

_OVER_AFTER: Final = timedelta(hours=2)
_NOT_BEFORE: Final = timedelta(days=400)
_HOURS_AT_ONCE: Final = 24
_PAUSE_S: Final = 0.1
_INTERVAL_S: Final = 60.0

_log = get_logger(__name__)
_failures = Counter("omg_ledger_closing_failures_total", "Times that hours could not be closed.")

_TOTALS: Final = ", ".join(f"sum({name})" for name in SUMS)
# The newest first: most reports are about them.
_OPEN: Final = text(f"""
    SELECT hour FROM generate_series(
        greatest(date_trunc('hour', (SELECT min(hour) FROM ledger.usage_hourly), 'UTC'), CAST(:earliest AS timestamptz)),
        CAST(:latest AS timestamptz), interval '1 hour'
    ) AS series(hour)
    WHERE NOT EXISTS (SELECT FROM {CLOSED_HOURS} AS closed WHERE closed.hour = series.hour)
    ORDER BY hour DESC LIMIT {_HOURS_AT_ONCE}
""")  # noqa: S608 - ours
_FILL: Final = [
    text(f"""
        INSERT INTO {each.table} (hour, {", ".join(each.dimensions)}, {", ".join(SUMS)})
        SELECT hour, {", ".join(each.dimensions)}, {_TOTALS} FROM ledger.usage_hourly
        WHERE hour = ANY(CAST(:hours AS timestamptz[])) GROUP BY hour, {", ".join(each.dimensions)}
    """)  # noqa: S608 - ours
    for each in COARSE
]
_CLOSE: Final = text(f"INSERT INTO {CLOSED_HOURS} (hour) SELECT unnest(CAST(:hours AS timestamptz[]))")


async def close_regularly(sessions: Sessions, *, clock: Clock) -> None:
    """Until cancelled. Several replicas may do so at once."""
    while True:
        try:
            await close_hours(sessions, now=clock())
        except (DatabaseUnavailableError, OSError, TimeoutError) as error:
            _failures.inc()
            _log.warning("hours not closed", reason=repr(error))
        await asyncio.sleep(_INTERVAL_S)


async def close_hours(sessions: Sessions, *, now: datetime, pause_s: float = _PAUSE_S) -> int:
    """Close all hours that are over; how many. Raises `DatabaseUnavailableError` and SQLAlchemy's errors."""
    count = 0
    while closed := await _close_some(sessions, now):
        count += closed
        await asyncio.sleep(pause_s)
    return count


async def _close_some(sessions: Sessions, now: datetime) -> int:
    latest = (now - _OVER_AFTER).replace(minute=0, second=0, microsecond=0)
    earliest = (now - _NOT_BEFORE).replace(minute=0, second=0, microsecond=0)
    async with sessions.begin() as session:
        await session.execute(text("SET LOCAL lock_timeout = '5s'"))
        await hold_alone(session)
        hours = list(await session.scalars(_OPEN, {"earliest": earliest, "latest": latest}))
        if hours:
            for fill in _FILL:
                await session.execute(fill, {"hours": hours})
            await session.execute(_CLOSE, {"hours": hours})
    return len(hours)
