"""Limits and budgets in Redis: exact, across all replicas of the gateway.

A call's claims are reserved by one script in one step (`common.limits.scripts`), together with other calls that came in by then:
what they share is then read and written once for all of them. All keys carry one hash tag for now, so they live in one slot of a
cluster.

Failure policy: Redis away, silent for 0.25 s (noticed up to 0.1 s later), or answering with an error: `LimitStoreUnavailable`,
at once while it is known to be away. What an unanswered reservation may have taken of slots and budgets is given back when Redis
is there again, or runs out after 30 s; what it took of windows runs out after 60 s. Ends of calls are told again (`settling`). A
script that Redis has forgotten is loaded again and asked once more.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from common.limits.scripts import RENEW, RESERVE, SETTLE
from common.limits.windows import BUCKETS
from edge_proxy.limits.asking import Answers, Waiter, first_of_one_time
from edge_proxy.limits.commands import Commands
from edge_proxy.limits.link import Link
from edge_proxy.limits.port import (
    LEASE_S,
    SETTLED_LEASE_S,
    WINDOW_S,
    BudgetClaim,
    Claim,
    Granted,
    LimitStoreUnavailable,
    Refused,
    Reservation,
)
from edge_proxy.limits.resp import Reply, ReplyError, command
from edge_proxy.limits.settling import Pending, Settlement, Told

_TIMEOUT_S: Final = 0.25
_TOLD_AGAIN_AT_ONCE: Final = 200
_TELL_AGAIN_S: Final = 0.5
_MOST_WAITING: Final = 50_000
_SCRIPTS: Final = (RESERVE, SETTLE, RENEW)


class RedisLimitStore:
    """`clock` (microseconds) is for tests: in production Redis' own counts. So are other lengths of windows, leases, renewals."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = _TIMEOUT_S,
        window_s: float = WINDOW_S,
        lease_s: float = LEASE_S,
        renew_s: float | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._link = Link(
            url,
            scripts=[script.text for script in _SCRIPTS],
            timeout_s=timeout_s,
            compose=self._compose,
            lost=self._lose,
        )
        self._clock = clock
        self._bucket_us = int(window_s * 1e6) // BUCKETS
        self._renew_s = lease_s / 3 if renew_s is None else renew_s
        self._commands = Commands(
            lease_us=int(lease_s * 1e6), settled_lease_us=int(SETTLED_LEASE_S * 1e6), bucket_us=self._bucket_us
        )
        self._pending = Pending(self._end_soon, self._load)
        self._loading = False
        self._asking: deque[Waiter] = deque()
        self._ending: deque[Settlement] = deque()
        self._running: set[Reservation] = set()

    @property
    def is_up(self) -> bool:
        return self._link.is_up

    @property
    def reason(self) -> str:
        """Why it is not up."""
        return self._link.reason

    async def connected(self) -> None:
        """Waits until it is up; `run` has to be running."""
        await self._link.up.wait()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run(), name="limits-link")
            tasks.create_task(self._renew_regularly(), name="limits-renew")
            tasks.create_task(self._tell_regularly(), name="limits-tell")

    async def drain(self, *, within: float) -> None:
        """Before `run` is ended: what calls have left to tell gets out, if it can within that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._pending or self._ending or self._link.is_waiting:
                    self._pending.tell_again(_TOLD_AGAIN_AT_ONCE)
                    await asyncio.sleep(0.01)

    async def reserve(
        self, call_id: str, claims: Sequence[Claim], budgets: Sequence[BudgetClaim] = ()
    ) -> Granted | Refused:
        if len(self._asking) >= _MOST_WAITING:
            raise LimitStoreUnavailable("too many calls wait for redis")
        self._link.wake(soon=True)
        waiter = Waiter(self, self._now(), call_id, claims, budgets)
        self._asking.append(waiter)
        return await waiter.outcome

    def settle(self, reservation: Reservation, *, tokens: int, cost: int) -> None:
        if self._end(reservation):
            self._pending.settle(reservation, tokens=tokens, cost=cost)

    def cancel(self, reservation: Reservation) -> None:
        if self._end(reservation):
            self._pending.cancel(reservation)

    def renew(self, reservation: Reservation) -> None:
        with suppress(LimitStoreUnavailable):
            self._link.wake(soon=False)
            self._link.put(self._commands.renew(reservation, now=self._now()), self._renewed)

    def _renewed(self, reply: Reply) -> None:
        """One that failed is left to the next."""
        if type(reply) is ReplyError and reply.code == "NOSCRIPT":
            self._load()

    def begin(
        self, call_id: str, claims: Sequence[Claim], budgets: Sequence[BudgetClaim], numbers: list[int]
    ) -> Granted | Refused:
        """What Redis said, in the terms of the port."""
        if numbers[0]:
            return Refused(claims, budgets, numbers, self._bucket_us)
        has_lease = bool(budgets)
        if not has_lease:
            for claim in claims:
                if claim.kind == "parallel":
                    has_lease = True
        reservation = Reservation(call_id, claims, budgets, numbers, has_lease)
        if has_lease:
            self._running.add(reservation)
        return Granted(claims, budgets, numbers, self._bucket_us, reservation)

    def give_back(self, granted: Granted) -> None:
        """Nobody waits for it any more."""
        self.cancel(granted.reservation)

    def abandon(self, waiter: Waiter) -> None:
        """Nobody knows whether Redis has reserved for it."""
        self._pending.abandon(
            Reservation(waiter.call_id, waiter.claims, waiter.budgets, [], has_lease=True, ended=True)
        )

    def ask_again(self, waiters: Sequence[Waiter]) -> None:
        """Redis did not know the script. Raises `LimitStoreUnavailable`."""
        self._load()
        self._link.wake(soon=True)
        self._asking.extend(waiters)

    def _load(self) -> None:
        """Once for all who find out at the same time: what is composed later comes later."""
        if not self._loading:
            with suppress(LimitStoreUnavailable):
                self._link.wake(soon=True)
                for script in _SCRIPTS:
                    self._link.put((command("SCRIPT", "LOAD", script.text),), self._loaded)
                self._loading = True

    def _loaded(self, reply: Reply) -> None:
        self._loading = False

    def _end(self, reservation: Reservation) -> bool:
        if reservation.ended:
            return False
        reservation.ended = True
        self._running.discard(reservation)
        return True

    def _end_soon(self, settlement: Settlement) -> bool:
        try:
            self._link.wake(soon=False)
        except LimitStoreUnavailable:
            return False
        settlement.now = self._now()
        self._ending.append(settlement)
        return True

    def _now(self) -> int:
        return self._clock() if self._clock is not None else 0

    def _compose(self) -> None:
        """Ends first: what they give back is there for those who ask."""
        while self._ending:
            ended = first_of_one_time(self._ending)
            self._link.put(self._commands.settle(ended), Told(ended))
        while self._asking:
            waiters = first_of_one_time(self._asking)
            self._link.put(self._commands.reserve(waiters), Answers(self, waiters))

    def _lose(self) -> None:
        while self._ending:
            self._pending.keep(self._ending.popleft())
        while self._asking:
            self._asking.popleft().fail(LimitStoreUnavailable(self._link.reason))

    async def _renew_regularly(self) -> None:
        """At once when Redis is back, for it may have forgotten."""
        while True:
            await self._link.up.wait()
            for at, reservation in enumerate(tuple(self._running), 1):
                if not reservation.ended:
                    self.renew(reservation)
                if at % _TOLD_AGAIN_AT_ONCE == 0:
                    await asyncio.sleep(0.005)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._renew_s):
                    await self._link.down.wait()

    async def _tell_regularly(self) -> None:
        while True:
            await asyncio.sleep(_TELL_AGAIN_S)
            await self._link.up.wait()
            for _ in range(0, len(self._pending), _TOLD_AGAIN_AT_ONCE):
                self._pending.tell_again(_TOLD_AGAIN_AT_ONCE)
                await asyncio.sleep(0.005)
