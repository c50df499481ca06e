"""The rules of `common.limits.scripts` in plain Python, for one process: when Redis is away, and as their model in tests.

Each replica enforces its share: `limit // replicas`, at least 1 unless nothing is allowed at all. It knows nothing of what was
used before it was asked: in the minute around the loss of Redis, up to twice a limit may pass. Of a budget it enforces its share
of what the ledger last knew to be left. What its own calls cost is counted on top for `settled_lease_s`, also when the ledger has
it already: a hard budget may refuse early then, not late.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from common.limits.windows import BUCKETS
from edge_proxy.limits.port import (
    LEASE_S,
    NEVER,
    SETTLED_LEASE_S,
    SLOT_WAIT,
    WINDOW_S,
    BudgetClaim,
    Claim,
    Granted,
    Refused,
    Reservation,
)

_RESERVED: Final = "r"
_SETTLED: Final = "s"
_SWEEP_S: Final = 10.0

ClockUs = Callable[[], int]


def monotonic_us() -> int:
    return time.monotonic_ns() // 1000


class _Window:
    """Buckets in the order of time, and their sum."""

    __slots__ = ("counts", "newest", "total")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.total = 0
        self.newest: int | None = None

    def advance(self, current: int) -> int:
        """Drops what has left; returns the bucket to count in."""
        newest = self.newest
        if newest is None or abs(newest - current) > BUCKETS:
            self.counts.clear()
            self.total = 0
            self.newest = None
            return current
        current = max(current, newest)
        while self.counts and (oldest := next(iter(self.counts))) < current - BUCKETS:
            self.total -= self.counts.pop(oldest)
        return current

    def add(self, current: int, amount: int) -> None:
        if amount:
            self.counts[current] = self.counts.get(current, 0) + amount
            self.total += amount
            self.newest = current

    def give_back(self, bucket: int, amount: int) -> None:
        back = min(self.counts.get(bucket, 0), amount)
        if back:
            self.counts[bucket] -= back
            self.total -= back

    def wait(self, room: int, now: int, bucket_us: int) -> int:
        if room < 0:
            return NEVER
        left = self.total
        for bucket, count in self.counts.items():
            left -= count
            if left <= room:
                return (bucket + BUCKETS + 1) * bucket_us - now
        return 0


class _Budget:
    __slots__ = ("confirmed", "entries", "leases", "reserved", "settled")

    def __init__(self) -> None:
        self.confirmed = 0
        self.settled = 0
        self.reserved = 0
        self.entries: dict[str, tuple[str, int]] = {}
        # Two, each in the order of expiry: finding what has expired costs nothing then.
        self.leases: dict[str, dict[str, int]] = {_RESERVED: {}, _SETTLED: {}}

    def put(self, call_id: str, kind: str, amount: int, expiry: int) -> None:
        self.drop(call_id)
        self.entries[call_id] = (kind, amount)
        _lease(self.leases[kind], call_id, expiry)
        if kind == _RESERVED:
            self.reserved += amount
        else:
            self.settled += amount

    def drop(self, call_id: str) -> None:
        if entry := self.entries.pop(call_id, None):
            kind, amount = entry
            del self.leases[kind][call_id]
            if kind == _RESERVED:
                self.reserved -= amount
            else:
                self.settled -= amount

    def drop_expired(self, now: int) -> None:
        for leases in self.leases.values():
            while leases and leases[oldest := next(iter(leases))] <= now:
                self.drop(oldest)

    def spent(self, known: int) -> int:
        return max(self.confirmed, known) + self.settled

    def refuses(self, asked: BudgetClaim) -> bool:
        return asked.hard and self.spent(asked.known) + self.reserved + asked.amount > asked.limit


class LocalLimitStore:
    """`clock` in microseconds."""

    def __init__(
        self,
        *,
        replicas: int = 1,
        clock: ClockUs = monotonic_us,
        window_s: float = WINDOW_S,
        lease_s: float = LEASE_S,
        settled_lease_s: float = SETTLED_LEASE_S,
    ) -> None:
        self._replicas = replicas
        self._clock = clock
        self._bucket_us = int(window_s * 1e6) // BUCKETS
        self._lease_s = lease_s
        self._lease_us = int(lease_s * 1e6)
        self._settled_lease_us = int(settled_lease_s * 1e6)
        self._windows: dict[str, _Window] = {}
        self._slots: dict[str, dict[str, int]] = {}
        self._budgets: dict[tuple[str, str], _Budget] = {}
        self._running: set[Reservation] = set()

    async def run(self) -> None:
        """Renews leases, and forgets what no longer counts."""
        pause = min(_SWEEP_S, self._lease_s / 3)
        while True:
            await asyncio.sleep(pause)
            for reservation in tuple(self._running):
                self.renew(reservation)
            self._sweep()

    async def reserve(
        self, call_id: str, claims: Sequence[Claim], budgets: Sequence[BudgetClaim] = ()
    ) -> Granted | Refused:
        """Never raises `LimitStoreUnavailable`."""
        if self._replicas > 1:
            claims = [Claim(claim.name, claim.kind, self._share(claim.limit), claim.amount) for claim in claims]
            budgets = [self._budget_share(budget) for budget in budgets]
        now = self._clock()
        refusing, wait = self._refusal(claims, budgets, now)
        if not refusing:
            self._take(call_id, claims, budgets, now)
        numbers = [refusing, now, wait, *self._numbers(claims, budgets, now)]
        if refusing:
            return Refused(claims, budgets, numbers, self._bucket_us)
        has_lease = bool(budgets) or any(claim.kind == "parallel" for claim in claims)
        reservation = Reservation(call_id, claims, budgets, numbers, has_lease)
        if has_lease:
            self._running.add(reservation)
        return Granted(claims, budgets, numbers, self._bucket_us, reservation)

    def settle(self, reservation: Reservation, *, tokens: int, cost: int) -> None:
        self._end(reservation, reservation.corrections(tokens), cost)

    def cancel(self, reservation: Reservation) -> None:
        self._end(reservation, reservation.refunds(), None)

    def renew(self, reservation: Reservation) -> None:
        """What was dropped meanwhile is there again: the call runs."""
        expiry = self._clock() + self._lease_us
        for claim in reservation.claims:
            if claim.kind == "parallel":
                _lease(self._slots.setdefault(claim.name, {}), reservation.call_id, expiry)
        for of_budget in reservation.budgets:
            budget = self._budget(of_budget)
            kind, amount = budget.entries.get(reservation.call_id, (_RESERVED, of_budget.amount))
            if kind == _RESERVED:
                budget.put(reservation.call_id, _RESERVED, amount, expiry)

    def confirm(self, budget_id: str, period: str, spent_absolute: int, call_ids: Sequence[str]) -> tuple[int, int]:
        """What `common.limits.confirm` does in Redis; returns spent and reserved."""
        budget = self._budgets.setdefault((budget_id, period), _Budget())
        budget.drop_expired(self._clock())
        budget.confirmed = max(budget.confirmed, spent_absolute)
        for call_id in call_ids:
            budget.drop(call_id)
        return budget.confirmed + budget.settled, budget.reserved

    def _refusal(self, claims: Sequence[Claim], budgets: Sequence[BudgetClaim], now: int) -> tuple[int, int]:
        """Which claim refuses, counted from 1, and for how long; 0 if none does."""
        refusing, wait = 0, 0
        for at, claim in enumerate(claims, 1):
            this_wait = self._claim_wait(claim, now)
            if this_wait is not None and (not refusing or (wait != NEVER and (this_wait == NEVER or this_wait > wait))):
                refusing, wait = at, this_wait
        broke = 0
        for at, asked in enumerate(budgets, 1):
            budget = self._budget(asked)
            if budget.refuses(asked):
                budget.drop_expired(now)
                if not broke and budget.refuses(asked):
                    broke = at
        return (len(claims) + broke, 0) if broke else (refusing, wait)

    def _claim_wait(self, claim: Claim, now: int) -> int | None:
        if claim.kind == "parallel":
            slots = self._slots.setdefault(claim.name, {})
            if len(slots) < claim.limit:
                return None
            while slots and slots[oldest := next(iter(slots))] <= now:
                del slots[oldest]
            if len(slots) < claim.limit:
                return None
            return SLOT_WAIT if claim.limit else NEVER
        window = self._windows.setdefault(claim.name, _Window())
        window.advance(now // self._bucket_us)
        room = claim.limit - claim.amount if claim.limit else -1
        if room >= 0 and window.total <= room:
            return None
        return window.wait(room, now, self._bucket_us)

    def _take(self, call_id: str, claims: Sequence[Claim], budgets: Sequence[BudgetClaim], now: int) -> None:
        for claim in claims:
            if claim.kind == "parallel":
                _lease(self._slots[claim.name], call_id, now + self._lease_us)
            else:
                window = self._windows[claim.name]
                window.add(window.advance(now // self._bucket_us), claim.amount)
        for asked in budgets:
            budget = self._budget(asked)
            budget.confirmed = max(budget.confirmed, asked.known)
            budget.put(call_id, _RESERVED, asked.amount, now + self._lease_us)

    def _numbers(self, claims: Sequence[Claim], budgets: Sequence[BudgetClaim], now: int) -> list[int]:
        numbers: list[int] = []
        for claim in claims:
            if claim.kind == "parallel":
                numbers += (len(self._slots[claim.name]), 0)
            else:
                window = self._windows[claim.name]
                numbers += (window.total, now // self._bucket_us if window.newest is None else window.newest)
        for asked in budgets:
            budget = self._budget(asked)
            numbers += (budget.spent(asked.known), budget.reserved)
        return numbers

    def _end(self, reservation: Reservation, changes: Sequence[tuple[str, int, int]], cost: int | None) -> None:
        if reservation.ended:
            return
        reservation.ended = True
        self._running.discard(reservation)
        now = self._clock()
        for name, bucket, change in changes:
            window = self._windows.setdefault(name, _Window())
            current = window.advance(now // self._bucket_us)
            if change > 0:
                window.add(current, change)
            else:
                window.give_back(bucket, -change)
        for claim in reservation.claims:
            if claim.kind == "parallel":
                self._slots.get(claim.name, {}).pop(reservation.call_id, None)
        for asked in reservation.budgets:
            self._end_budget(self._budget(asked), reservation.call_id, cost, now)

    def _end_budget(self, budget: _Budget, call_id: str, cost: int | None, now: int) -> None:
        if call_id not in budget.entries:
            return
        if cost:
            budget.put(call_id, _SETTLED, cost, now + self._settled_lease_us)
        else:
            budget.drop(call_id)

    def _budget(self, claim: BudgetClaim) -> _Budget:
        return self._budgets.setdefault((claim.budget_id, claim.period), _Budget())

    def _share(self, limit: int) -> int:
        return max(1, limit // self._replicas) if limit else 0

    def _budget_share(self, claim: BudgetClaim) -> BudgetClaim:
        left = max(0, claim.limit - claim.known)
        limit = min(claim.limit, claim.known) + left // self._replicas
        return BudgetClaim(claim.budget_id, claim.period, limit, claim.amount, claim.known, claim.hard)

    def _sweep(self) -> None:
        now = self._clock()
        current = now // self._bucket_us
        self._windows = {
            name: window
            for name, window in self._windows.items()
            if window.newest is not None and abs(window.newest - current) <= BUCKETS
        }
        self._slots = {name: slots for name, slots in self._slots.items() if slots}
        for budget in self._budgets.values():
            budget.drop_expired(now)
        self._budgets = {name: budget for name, budget in self._budgets.items() if budget.entries}


def _lease(leases: dict[str, int], call_id: str, expiry: int) -> None:
    """Leases stay in the order of expiry: what has run out is in front."""
    leases.pop(call_id, None)
    is_last = not leases or leases[next(reversed(leases))] <= expiry
    leases[call_id] = expiry
    if not is_last:  # the clock went back
        in_order = sorted(leases.items(), key=lambda lease: lease[1])
        leases.clear()
        leases.update(in_order)
