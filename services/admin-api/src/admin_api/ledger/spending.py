"""Telling what budgets have spent, once the ledger has it: to Redis, where calls are let in, and to the edges by bucket.

Redis hears which calls are in the ledger's sum, so that they do not count twice there. The bucket `spend` brings the sum to edges
whose Redis has lost it, for the period that is running and the next one: a rolling budget begins a day with most of what it spent.

Failure policy: all of it is repeated, for all budgets, every `reconcile_s` seconds by one worker at a time: what was not said, what
Redis lost, and calls that Redis still counts though the ledger has them (a worker died before it could say so). Redis or NATS away:
`omg_ledger_spend_failures_total`, and the next round. Calls are entered in any case.
"""

import asyncio
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from nats.errors import Error as NatsError
from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from admin_api.budgets import repository
from admin_api.ledger.budgets import Spending, period_of, spent_in
from common.budget_periods import Period
from common.bus.connection import Bus
from common.clock import Clock
from common.db.engine import Sessions
from common.db.errors import DatabaseUnavailableError
from common.events.control import BudgetRecord, SpendRecord
from common.events.subjects import SPEND_BUCKET
from common.limits.confirm import Confirmed, confirm
from common.limits.keys import budget_keys
from common.logging import get_logger

_TELL_S: Final = 1.0
_TIMEOUT_S: Final = 2.0
_LOCK: Final = zlib.crc32(b"ledger.spending reconciliation")
_MOST_CALLS: Final = 100_000
_MOST_OPEN: Final = 10_000
_TOLERANCE: Final = timedelta(minutes=5)
"""Between the time in a call's id and the start of the call."""

_FAILURES: Final = (RedisError, NatsError, SQLAlchemyError, DatabaseUnavailableError, OSError, TimeoutError)

_log = get_logger(__name__)
_failures = Counter("omg_ledger_spend_failures_total", "Times that Redis or the edges could not be told.")
_drift = Gauge(
    "omg_ledger_budget_drift_nano_usd",
    "What Redis has as spent beyond what the ledger has, or short of it, over all budgets, as of the last comparison.",
    ["scope"],
)
_repairs = Counter("omg_ledger_budget_repairs_total", "Budgets that had less in Redis than in the ledger.")


class SpendTeller:
    """`run` in the background; `tell` after each commit."""

    def __init__(self, *, sessions: Sessions, bus: Bus, redis: Redis, clock: Clock, reconcile_s: float) -> None:
        self._sessions = sessions
        self._bus = bus
        self._redis = redis
        self._clock = clock
        self._reconcile_s = reconcile_s
        self._untold: dict[tuple[str, str], list[str]] = {}
        self._size = 0

    def tell(self, spending: Sequence[Spending]) -> None:
        """Soon. Beyond a bound the reconciliation will have to find them."""
        for each in spending:
            if self._size < _MOST_CALLS:
                self._untold.setdefault((each.budget.id, each.period.name), []).extend(each.call_ids)
                self._size += len(each.call_ids)

    async def run(self) -> None:
        """Until cancelled."""
        reconcile_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(_TIMEOUT_S + self._reconcile_s):
                    await self._tell()
                    if loop.time() >= reconcile_at:
                        reconcile_at = loop.time() + self._reconcile_s
                        await self.reconcile()
            except _FAILURES as error:
                _failures.inc()
                _log.warning("spending of budgets was not told", reason=repr(error))
            await asyncio.sleep(_TELL_S)

    async def _tell(self) -> None:
        untold, self._untold, self._size = self._untold, {}, 0
        if not untold:
            return
        async with self._sessions.begin() as session:
            budgets = {each.id: each for each in await repository.records(session, {id_ for id_, _ in untold})}
        for (budget_id, period), call_ids in untold.items():
            if budget := budgets.get(budget_id):
                await self._confirm(budget, period_of(budget, datetime.fromisoformat(period)), call_ids)
        for budget in budgets.values():
            await self._publish(budget)

    async def reconcile(self) -> None:
        """Compare all budgets with what Redis and the edges have of them; put right what differs."""
        async with self._sessions.begin() as session:
            if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
                return  # another worker does
            budgets = await repository.records(session)
            drift = dict.fromkeys(("installation", "tenant", "key", "user"), 0)
            for budget in budgets:
                drift[budget.scope] += await self._compare(budget)
                await self._publish(budget)
        for scope, amount in drift.items():
            _drift.labels(scope=scope).set(amount)

    async def _compare(self, budget: BudgetRecord) -> int:
        """By how much Redis is off, after it was told."""
        period = period_of(budget, self._clock())
        before = await self._spent_in_redis(budget, period)
        confirmed, spent = await self._confirm(budget, period, await self._entered(budget, period))
        if before < spent:
            _repairs.inc()
        return abs(confirmed.spent - spent)

    async def _spent_in_redis(self, budget: BudgetRecord, period: Period) -> int:
        name, _ = budget_keys(budget.id, period.name)
        confirmed, settled = await self._redis.hmget(name, "confirmed", "settled")
        return int(confirmed or 0) + int(settled or 0)

    async def _entered(self, budget: BudgetRecord, period: Period) -> list[str]:
        """Of the calls that Redis counts by themselves, those that the ledger has."""
        name, _ = budget_keys(budget.id, period.name)
        open_calls: list[str] = []
        async for key, _value in self._redis.hscan_iter(name, match="c:*", count=1000):
            open_calls.append((key.decode() if isinstance(key, bytes) else key).removeprefix("c:"))
            if len(open_calls) >= _MOST_OPEN:
                break
        times = [moment for moment in map(_time_of, open_calls) if moment is not None]
        if not times:
            return []
        statement = text("""
            SELECT call_id FROM ledger.usage_entries
            WHERE call_id = ANY(:ids) AND occurred_at BETWEEN :first AND :last
        """)
        values = {"ids": open_calls, "first": min(times) - _TOLERANCE, "last": max(times) + _TOLERANCE}
        async with self._sessions.begin() as session:
            return list(await session.scalars(statement, values))

    async def _confirm(self, budget: BudgetRecord, period: Period, call_ids: Sequence[str]) -> tuple[Confirmed, int]:
        """What Redis has then, and what the ledger has."""
        async with self._sessions.begin() as session:
            spent = (await spent_in(session, budget, period)).spent
        async with asyncio.timeout(_TIMEOUT_S):
            told = await confirm(
                self._redis, budget_id=budget.id, period=period.name, spent_absolute=spent, call_ids=call_ids
            )
        current = period_of(budget, self._clock())
        if current.start != period.start and current.counts_from <= period.start:
            await self._confirm(budget, current, [])  # a late call of a rolling budget counts today, too
        return told, spent

    async def _publish(self, budget: BudgetRecord) -> None:
        current = period_of(budget, self._clock())
        periods = [current] if current.end is None else [current, period_of(budget, current.end)]
        async with self._sessions.begin() as session:
            spent = {each.name: str((await spent_in(session, budget, each)).spent) for each in periods}
        value = msgspec.json.encode(SpendRecord(periods=spent))
        async with asyncio.timeout(_TIMEOUT_S):
            bucket = await self._bus.jetstream().key_value(SPEND_BUCKET)
            await bucket.put(budget.id, value)


def _time_of(call_id: str) -> datetime | None:
    """When a call's id was made."""
    try:
        return datetime.fromtimestamp(int(call_id.removeprefix("req_")[:12], 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
