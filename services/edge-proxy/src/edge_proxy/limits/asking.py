"""Calls that ask Redis, and what becomes of its reply to several of them. Nothing is sent in here."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol, TypeVar

import msgspec

from edge_proxy.limits.port import BudgetClaim, Claim, Granted, LimitStoreUnavailable, Refused
from edge_proxy.limits.resp import LOST, Reply, ReplyError

_CALLS_AT_ONCE: Final = 50
"""In one script: Redis does nothing else meanwhile."""

_decode: Final = msgspec.msgpack.Decoder(list[list[int]]).decode


class Store(Protocol):
    def begin(
        self, call_id: str, claims: Sequence[Claim], budgets: Sequence[BudgetClaim], numbers: list[int]
    ) -> Granted | Refused: ...

    def give_back(self, granted: Granted) -> None: ...

    def abandon(self, waiter: "Waiter") -> None:
        """Nobody knows whether Redis has reserved for it."""

    def ask_again(self, waiters: Sequence["Waiter"]) -> None:
        """Redis did not know the script. Raises `LimitStoreUnavailable`."""


class Waiter:
    """A reservation that is asked for."""

    __slots__ = ("_asked_twice", "_store", "budgets", "call_id", "claims", "now", "outcome")

    def __init__(
        self, store: "Store", now: int, call_id: str, claims: Sequence[Claim], budgets: Sequence[BudgetClaim]
    ) -> None:
        self.outcome: asyncio.Future[Granted | Refused] = asyncio.get_running_loop().create_future()
        self.now = now
        self.call_id = call_id
        self.claims = claims
        self.budgets = budgets
        self._store = store
        self._asked_twice = False

    def answer(self, numbers: list[int]) -> None:
        outcome = self._store.begin(self.call_id, self.claims, self.budgets, numbers)
        if not self.outcome.done():
            self.outcome.set_result(outcome)
        elif isinstance(outcome, Granted):  # nobody waits for it any more
            self._store.give_back(outcome)

    def fail(self, error: LimitStoreUnavailable) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)

    def may_ask_again(self) -> bool:
        """Once, and only if somebody still waits."""
        asks = not (self._asked_twice or self.outcome.done())
        self._asked_twice = True
        return asks


class Answers:
    """Takes the reply to a script that reserved for several."""

    __slots__ = ("_store", "_waiters")

    def __init__(self, store: "Store", waiters: Sequence[Waiter]) -> None:
        self._store = store
        self._waiters = waiters

    def __call__(self, reply: Reply) -> None:
        if type(reply) is bytes:
            for waiter, numbers in zip(self._waiters, _decode(reply), strict=True):
                waiter.answer(numbers)
            return
        failed = list(self._waiters)
        if isinstance(reply, ReplyError) and reply.code == "NOSCRIPT":
            again = [waiter for waiter in failed if waiter.may_ask_again()]
            with suppress(LimitStoreUnavailable):
                self._store.ask_again(again)
                failed = [waiter for waiter in failed if waiter not in again]
        is_lost = isinstance(reply, ReplyError) and reply.code == LOST.code
        for waiter in failed:
            if is_lost:
                self._store.abandon(waiter)
            waiter.fail(LimitStoreUnavailable(str(reply)))


class _Timed(Protocol):
    @property
    def now(self) -> int: ...


_Asked = TypeVar("_Asked", bound=_Timed)


def first_of_one_time(waiting: deque[_Asked]) -> list[_Asked]:
    """As many as go into one script. Their times differ in tests only."""
    first = [waiting.popleft()]
    while waiting and len(first) < _CALLS_AT_ONCE and waiting[0].now == first[0].now:
        first.append(waiting.popleft())
    return first
