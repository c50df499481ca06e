"""Telling what budgets have spent, once the ledger has it: to Redis, where calls are let in, and to the edges by bucket.

Redis hears which calls are in the ledger's sum, so that they do not count twice there. The bucket `spend` brings the sum to edges
whose Redis has lost it, or is away, for the period that is running and the next one: a rolling budget begins a day with most of
what it spent. Both are told within about a second, each budget at most once a second.

Failure policy: neither holds up the other, nor the entering of calls. Redis or NATS away (`omg_ledger_spend_failures_total`): what
was not said is said later, calls up to a bound; what is lost beyond it, or with a worker that dies, is found by `reconciler`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Final, TypeVar

import msgspec
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from prometheus_client import Counter
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from admin_api.budgets import repository
from admin_api.ledger import budget_rows
from admin_api.ledger.budget_rows import Place
from admin_api.ledger.budgets import Spending, Wanted, period_of, place_of, spent_of
from common.bus.connection import Bus
from common.bus.records import StaleRevisionError, put_record, read_revision
from common.clock import Clock
from common.db.engine import Sessions
from common.events.control import BudgetRecord, SpendRecord
from common.events.subjects import SPEND_BUCKET
from common.limits.confirm import confirm
from common.logging import get_logger

T = TypeVar("T")
R = TypeVar("R")

_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 8.0
REDIS_TIMEOUT_S: Final = 2.0
_MOST_CALLS: Final = 100_000
_AT_ONCE: Final = 32

REDIS_ERRORS: Final = (RedisError, OSError, TimeoutError)
NATS_ERRORS: Final = (NatsError, JetStreamError, OSError, TimeoutError)
DATABASE_ERRORS: Final = (SQLAlchemyError, OSError, TimeoutError)

_log = get_logger(__name__)
_failures = Counter("omg_ledger_spend_failures_total", "Times that what a budget has spent could not be told.", ["to"])


class SpendTeller:
    """`run` in the background; `tell` after each commit."""

    def __init__(self, *, sessions: Sessions, bus: Bus, redis: Redis, clock: Clock) -> None:
        self._sessions = sessions
        self._bus = bus
        self._redis = redis
        self._clock = clock
        self._calls: dict[Place, list[str]] = {}
        self._unpublished: set[str] = set()
        self._size = 0
        self._news = asyncio.Event()

    def tell(self, spending: Sequence[Spending]) -> None:
        """Soon."""
        for each in spending:
            self._confirm_later(each.place, each.call_ids)
            self._publish_later({each.budget.id})

    def show(self, budget_id: str) -> None:
        """Soon, to the edges, though nothing new has counted: the budget is new, or was changed."""
        self._publish_later({budget_id})

    async def run(self) -> None:
        """Until cancelled."""
        pause = _PAUSE_S
        while True:
            await self._news.wait()
            pause = _PAUSE_S if await self.flush() else min(2 * pause, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def flush(self) -> bool:
        """Say now what is waiting; whether all of it was said. What was not goes on waiting."""
        self._news.clear()
        calls, self._calls, self._size = self._calls, {}, 0
        unpublished, self._unpublished = self._unpublished, set()
        try:
            async with self._sessions.begin() as session:
                found = await repository.records(session, {place[0] for place in calls} | unpublished)
            budgets = {each.id: each for each in found}
            is_confirmed = await self._confirm_all(budgets, calls)
            is_published = await self.publish([budgets[id_] for id_ in unpublished if id_ in budgets])
        except DATABASE_ERRORS as error:
            _failures.labels(to="anybody").inc()
            _log.warning("what budgets have spent is told later", reason=repr(error))
            for place, ids in calls.items():
                self._confirm_later(place, ids)
            self._publish_later(unpublished)
            return False
        return is_confirmed and is_published

    async def publish(self, budgets: Sequence[BudgetRecord]) -> bool:
        """Tell the edges; whether they were. Raises the errors of Postgres only; what they are not told they are told later.

        The revision is read first, then the sum: who wrote in between had a newer one, and is not overwritten.
        """
        jetstream = self._bus.jetstream()
        by_id = {budget.id: budget for budget in budgets}
        if not self._bus.is_connected:
            self._publish_later(by_id)
            return not by_id
        revisions = await for_each(
            by_id, partial(read_revision, jetstream, SPEND_BUCKET), errors=NATS_ERRORS, to="edges"
        )
        records = await self.records([by_id[id_] for id_ in revisions], now=self._clock())

        async def put(id_: str) -> bool:
            try:
                await put_record(jetstream, SPEND_BUCKET, id_, records[id_], on=revisions[id_])
            except StaleRevisionError:
                return False
            return True

        told = await for_each(records, put, errors=NATS_ERRORS, to="edges")
        untold = {id_ for id_ in by_id if not told.get(id_)}
        self._publish_later(untold)
        return not untold

    async def records(self, budgets: Sequence[BudgetRecord], *, now: datetime) -> dict[str, bytes]:
        """What the edges are to know of each."""
        made: list[Wanted] = []
        following: list[Wanted] = []
        for budget in budgets:
            current = period_of(budget, now)
            made.append((budget, current))
            if current.end is not None:
                following_one = period_of(budget, current.end)
                # Of any but a rolling one, nothing counts for the next period yet but calls from a clock that is ahead.
                is_rolling = following_one.counts_from < following_one.start
                (made if is_rolling else following).append((budget, following_one))
        spent = await spent_of(self._sessions, made, now=now)
        async with self._sessions.begin() as session:
            spent |= await budget_rows.read(session, [place_of(each) for each in following])
        periods: dict[str, dict[str, str]] = {budget.id: {} for budget in budgets}
        for budget, period in (*made, *following):
            periods[budget.id][period.name] = str(spent.get((budget.id, period.start), 0))
        return {id_: msgspec.json.encode(SpendRecord(periods=each)) for id_, each in periods.items()}

    async def _confirm_all(self, budgets: dict[str, BudgetRecord], calls: dict[Place, list[str]]) -> bool:
        now = self._clock()
        wanted: dict[Place, Wanted] = {}
        ids: dict[Place, list[str]] = {}
        for place, call_ids in calls.items():
            budget = budgets.get(place[0])
            if budget is None or (period := period_of(budget, place[1])).start != place[1]:
                continue  # it went, or has other periods now: Redis forgets by itself what nobody asks for
            wanted[place], ids[place] = (budget, period), call_ids
            current = period_of(budget, now)
            if current.counts_from <= period.start < current.start:  # a late call of a rolling budget counts today, too
                wanted.setdefault((budget.id, current.start), (budget, current))
        spent = await spent_of(self._sessions, list(wanted.values()), now=now)

        async def tell(place: Place) -> None:
            async with asyncio.timeout(REDIS_TIMEOUT_S):
                await confirm(
                    self._redis,
                    budget_id=place[0],
                    period=wanted[place][1].name,
                    spent_absolute=spent[place],
                    call_ids=ids.get(place, []),
                )

        told = await for_each(wanted, tell, errors=REDIS_ERRORS, to="redis")
        for place in wanted.keys() - told.keys():
            self._confirm_later(place, ids.get(place, []))
        return len(told) == len(wanted)

    def _confirm_later(self, place: Place, call_ids: Sequence[str]) -> None:
        waiting = self._calls.setdefault(place, [])
        if self._size < _MOST_CALLS:
            waiting += call_ids
            self._size += len(call_ids)
        self._news.set()

    def _publish_later(self, ids: Collection[str]) -> None:
        if ids:
            self._unpublished.update(ids)
            self._news.set()


async def for_each(
    items: Iterable[T], work: Callable[[T], Awaitable[R]], *, errors: tuple[type[Exception], ...], to: str
) -> dict[T, R]:
    """What `work` gives for each, some at a time. Once it fails with one of `errors`, the rest is left out: somebody is away."""
    results: dict[T, R] = {}
    failures: list[Exception] = []
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(item: T) -> None:
        async with free:
            if not failures:
                try:
                    results[item] = await work(item)
                except errors as error:
                    failures.append(error)

    async with asyncio.TaskGroup() as group:
        for item in items:
            group.create_task(one(item))
    if failures:
        _failures.labels(to=to).inc()
        _log.warning("what budgets have spent is told later", to=to, reason=repr(failures[0]))
    return results
