"""Putting right, every half minute, what Redis and the edges have of budgets, whatever happened to them meanwhile.

One worker at a time compares all budgets, in the periods they are in, with the ledger:

| found | done |
|---|---|
| Redis has less (it lost its data, or was away), or confirmed more (a budget with other periods now) | told the sum |
| calls that Redis counts by themselves though the ledger has them (a worker died before it could say so) | confirmed |
| the edges' record is missing or wrong, or of a budget that went | written, or deleted |
| a level was reached and not said, or said and not reached any more (the amount was changed) | said, or forgotten |
| no row of the period yet | made |

Failure policy: Redis or NATS away: the other is served, the next round does the rest (`omg_ledger_spend_failures_total`). Postgres
away: `omg_ledger_budget_rounds_failed_total`, and again in a while.
`omg_ledger_budget_drift_nano_usd` is what remains between Redis and the ledger: calls that have ended and are not entered yet.
"""

import asyncio
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.budgets import repository
from admin_api.ledger import budget_rows, crossings
from admin_api.ledger.budgets import Wanted, enter_together, period_of, place_of, spent_of
from admin_api.ledger.crossings import Standing
from admin_api.ledger.spending import DATABASE_ERRORS, NATS_ERRORS, REDIS_ERRORS, REDIS_TIMEOUT_S, SpendTeller, for_each
from common.bus.connection import Bus, BusUnavailableError
from common.bus.records import delete_record, read_bucket, read_revision
from common.bus.streams import ensure_buckets, ensure_streams
from common.clock import Clock
from common.db.engine import Sessions
from common.events.control import BudgetRecord
from common.events.subjects import SPEND_BUCKET
from common.limits.confirm import confirm, lower
from common.limits.keys import budget_keys
from common.logging import get_logger

_LOCK: Final = zlib.crc32(b"ledger.budgets.reconciler")
_BUDGETS_AT_ONCE: Final = 200
_PATIENCE_AT_START_S: Final = 5.0
_MOST_OPEN: Final = 10_000
_TOLERANCE: Final = timedelta(minutes=5)
"""Between the time in a call's id and the start of the call."""

_log = get_logger(__name__)
_drift = Gauge(
    "omg_ledger_budget_drift_nano_usd",
    "By how much Redis differs from the ledger, over all budgets, as of the last round and after its repairs.",
    ["scope"],
)
_repairs = Counter("omg_ledger_budget_repairs_total", "Budgets whose sum in Redis was wrong.")
_failures = Counter("omg_ledger_budget_rounds_failed_total", "Rounds that did not come to their end.")


@dataclass(frozen=True, slots=True)
class _InRedis:
    confirmed: int
    settled: int
    ended: Sequence[str]
    """Calls that are counted by themselves and do not run any more."""


class Reconciler:
    """`run` in the background."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        bus: Bus,
        redis: Redis,
        clock: Clock,
        teller: SpendTeller,
        interval_s: float,
        replicas: int,
    ) -> None:
        self._sessions = sessions
        self._bus = bus
        self._redis = redis
        self._clock = clock
        self._teller = teller
        self._interval_s = interval_s
        self._replicas = replicas

    async def run(self) -> None:
        """Until cancelled."""
        with suppress(BusUnavailableError):
            await self._bus.connected(timeout=_PATIENCE_AT_START_S)
        while True:
            try:
                await self.reconcile()
            except DATABASE_ERRORS as error:
                _failures.inc()
                _log.warning("budgets are compared again", reason=repr(error))
            await asyncio.sleep(self._interval_s)

    async def reconcile(self) -> None:
        """One round, unless another worker is at it. Raises the errors of Postgres."""
        async with self._sessions.begin() as holding:
            if not await holding.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}):
                return
            published = await self._published()
            async with self._sessions.begin() as session:
                budgets = await repository.records(session)
            drift = dict.fromkeys(("installation", "tenant", "key", "user"), 0)
            is_complete = True
            for start in range(0, len(budgets), _BUDGETS_AT_ONCE):
                await holding.execute(text("SELECT 1"))  # a transaction that is idle for too long loses the lock
                some = budgets[start : start + _BUDGETS_AT_ONCE]
                standings = await self._standings(some)
                await self._settle_crossings(standings)
                drifted = await self._compare_redis(standings)
                is_complete = is_complete and len(drifted) == len(some)
                for budget in some:
                    drift[budget.scope] += drifted.get(budget.id, 0)
                if published is not None:
                    records = await self._teller.records(some, now=self._clock())
                    await self._teller.publish(
                        [budget for budget in some if published.get(budget.id) != records[budget.id]]
                    )
            if published is not None:
                await self._remove(published.keys() - {budget.id for budget in budgets})
        if is_complete:
            for scope, amount in drift.items():
                _drift.labels(scope=scope).set(amount)

    async def _standings(self, budgets: Sequence[BudgetRecord]) -> list[Standing]:
        now = self._clock()
        wanted: list[Wanted] = [(budget, period_of(budget, now)) for budget in budgets]
        spent = await spent_of(self._sessions, wanted, now=now)
        return [Standing(budget, period, spent[budget.id, period.start]) for budget, period in wanted]

    async def _settle_crossings(self, standings: Sequence[Standing]) -> None:
        async with self._sessions.begin() as session:
            unsettled = await crossings.unsettled(session, standings)
        if not unsettled:
            return
        ids = {standing.budget.id for standing in unsettled}
        async with self._sessions.begin() as session:
            await enter_together(session)
            budgets = {budget.id: budget for budget in await repository.records(session, ids)}
            spent = await budget_rows.lock_from(session, {each.budget.id: each.period.start for each in unsettled})
            again = [
                Standing(budgets[each.budget.id], each.period, spent[place_of((each.budget, each.period))])
                for each in unsettled
                if each.budget.id in budgets and place_of((each.budget, each.period)) in spent
            ]
            await crossings.settle(session, again, now=self._clock())

    async def _compare_redis(self, standings: Sequence[Standing]) -> dict[str, int]:
        """By how much Redis is off with each budget, after it was told; less than all of them when it is away."""
        by_id = {standing.budget.id: standing for standing in standings}
        found = await for_each(by_id, lambda id_: self._look(by_id[id_]), errors=REDIS_ERRORS, to="redis")
        async with self._sessions.begin() as session:
            entered = await _entered(session, [call for held in found.values() for call in held.ended])

        async def repair(id_: str) -> int:
            held = found[id_]
            return await self._repair(by_id[id_], held, [call for call in held.ended if call in entered])

        return await for_each(found, repair, errors=REDIS_ERRORS, to="redis")

    async def _look(self, standing: Standing) -> _InRedis:
        name, _ = budget_keys(standing.budget.id, standing.period.name)
        async with asyncio.timeout(REDIS_TIMEOUT_S):
            confirmed, settled = await self._redis.hmget(name, ["confirmed", "settled"])
            ended: list[str] = []
            if int(settled or 0):
                async for key, value in self._redis.hscan_iter(name, match="c:*", count=1000):
                    if value.startswith(b"s"):
                        ended.append(key.decode().removeprefix("c:"))
                    if len(ended) >= _MOST_OPEN:
                        break
        return _InRedis(int(confirmed or 0), int(settled or 0), ended)

    async def _repair(self, standing: Standing, held: _InRedis, entered: Sequence[str]) -> int:
        """The ledger's sum was read before Redis: what is more there may just be newer."""
        budget, period, spent = standing.budget, standing.period, standing.spent
        if held.confirmed > spent:
            spent = (await spent_of(self._sessions, [(budget, period)], now=self._clock()))[budget.id, period.start]
        async with asyncio.timeout(REDIS_TIMEOUT_S):
            if held.confirmed > spent:
                _repairs.inc()
                await lower(
                    self._redis, budget_id=budget.id, period=period.name, seen=held.confirmed, spent_absolute=spent
                )
            elif held.confirmed + held.settled < spent:
                _repairs.inc()
            elif held.confirmed == spent and not held.settled:
                return 0
            told = await confirm(
                self._redis, budget_id=budget.id, period=period.name, spent_absolute=spent, call_ids=entered
            )
        return abs(told.spent - spent)

    async def _published(self) -> dict[str, bytes] | None:
        """What the edges have; `None` while NATS is away."""
        if not self._bus.is_connected:
            return None
        try:
            await ensure_streams(self._bus.jetstream(), replicas=self._replicas)
            await ensure_buckets(self._bus.jetstream(), replicas=self._replicas)
            return await read_bucket(self._bus.jetstream(), SPEND_BUCKET)
        except NATS_ERRORS as error:
            _log.warning("what the edges have of budgets is compared later", reason=repr(error))
            return None

    async def _remove(self, ids: set[str]) -> None:
        """Records of budgets that went."""
        jetstream = self._bus.jetstream()

        async def delete(id_: str) -> None:
            await delete_record(jetstream, SPEND_BUCKET, id_, on=await read_revision(jetstream, SPEND_BUCKET, id_))

        await for_each(ids, delete, errors=NATS_ERRORS, to="edges")


async def _entered(session: AsyncSession, call_ids: Sequence[str]) -> set[str]:
    """Those of the calls that the ledger has."""
    times = [moment for moment in map(_time_of, call_ids) if moment is not None]
    if not times:
        return set()
    statement = text("""
        SELECT call_id FROM ledger.usage_entries
        WHERE call_id = ANY(:ids) AND occurred_at BETWEEN :first AND :last
    """)
    values = {"ids": list(call_ids), "first": min(times) - _TOLERANCE, "last": max(times) + _TOLERANCE}
    return set(await session.scalars(statement, values))


def _time_of(call_id: str) -> datetime | None:
    """When a call's id was made."""
    try:
        return datetime.fromtimestamp(int(call_id.removeprefix("req_")[:12], 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
