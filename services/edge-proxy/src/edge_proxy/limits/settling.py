"""How a call's end gets to Redis: at once, and again when that fails.

Failure policy: an end that could not be told waits, at most `MOST_PENDING` of them, the oldest is given up for the newest
(`omg_edge_limit_settlements_lost_total`): leases and windows then run out by themselves, and the ledger brings the cost. Of an end
that may have arrived everything is told again but what would count twice in somebody's favour: slots and budgets know calls by
their ids, an excess of tokens is rather counted twice than not at all, and tokens are given back once at most.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from prometheus_client import Counter

from edge_proxy.limits.port import Reservation
from edge_proxy.limits.resp import Reply, ReplyError

MOST_PENDING: Final = 10_000
_TRIES: Final = 5
_CANCELLED: Final = -1

_lost = Counter("omg_edge_limit_settlements_lost_total", "Ends of calls that Redis was never told.")


class Settlement(msgspec.Struct, eq=False):
    """`changes`: name of a window, bucket, change. `cost` -1: it never cost anything. `now` is for tests."""

    pending: "Pending"
    reservation: Reservation
    changes: Sequence[tuple[str, int, int]]
    cost: int
    now: int = 0
    tries: int = 0

    def failed(self, error: ReplyError) -> None:
        if error.code != "NOSCRIPT":  # else it did not arrive
            self.tries += 1
            self.changes = [change for change in self.changes if change[2] > 0]
        self.pending.failed(self, error)


class Told:
    """Takes the reply to a script that settled several."""

    __slots__ = ("_ended",)

    def __init__(self, ended: Sequence[Settlement]) -> None:
        self._ended = ended

    def __call__(self, reply: Reply) -> None:
        if type(reply) is ReplyError:
            for settlement in self._ended:
                settlement.failed(reply)


class Pending:
    """Ends that Redis has not heard of.

    `send` raises nothing and returns whether it could be sent; `load` gives Redis the scripts it has forgotten.
    """

    def __init__(self, send: Callable[[Settlement], bool], load: Callable[[], None]) -> None:
        self._send = send
        self._load = load
        self._waiting: deque[Settlement] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def settle(self, reservation: Reservation, *, tokens: int, cost: int) -> None:
        self._tell(Settlement(self, reservation, reservation.corrections(tokens), max(0, cost)))

    def cancel(self, reservation: Reservation) -> None:
        self._tell(Settlement(self, reservation, reservation.refunds(), _CANCELLED))

    def abandon(self, reservation: Reservation) -> None:
        """Later, for it may not be there at all: its slots and budgets, which know their calls, are given back."""
        self.keep(Settlement(self, reservation, (), _CANCELLED))

    def tell_again(self, at_most: int) -> None:
        """The oldest ones."""
        for _ in range(min(at_most, len(self._waiting))):
            self._tell(self._waiting.popleft())

    def failed(self, settlement: Settlement, reply: ReplyError) -> None:
        if reply.code == "NOSCRIPT":
            self._load()
        self.keep(settlement)

    def _tell(self, settlement: Settlement) -> None:
        if (settlement.changes or settlement.reservation.has_lease) and not self._send(settlement):
            self.keep(settlement)

    def keep(self, settlement: Settlement) -> None:
        """It was not told, or nobody knows."""
        if settlement.tries >= _TRIES:
            _lost.inc()
            return
        if len(self._waiting) >= MOST_PENDING:
            self._waiting.popleft()
            _lost.inc()
        self._waiting.append(settlement)
