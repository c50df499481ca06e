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
    """`changes`: name of a window, bucket, change. `cost` -1: it never cost anything."""

    reservation: Reservation
    changes: Sequence[tuple[str, int, int]]
    cost: int
    tries: int = 0

    @property
    def is_empty(self) -> bool:
        return not self.changes and not self.reservation.has_lease

    def sent_in_vain(self) -> None:
        """It may have arrived."""
        self.tries += 1
        self.changes = [change for change in self.changes if change[2] > 0]


def settled(reservation: Reservation, *, tokens: int, cost: int) -> Settlement:
    return Settlement(reservation, reservation.corrections(tokens), max(0, cost))


def cancelled(reservation: Reservation) -> Settlement:
    return Settlement(reservation, reservation.refunds(), _CANCELLED)


class Pending:
    """Ends that Redis has not heard of. `send` raises nothing and returns whether it could be sent."""

    def __init__(self, send: Callable[[Settlement, Callable[[Reply], None]], bool]) -> None:
        self._send = send
        self._waiting: deque[Settlement] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def tell(self, settlement: Settlement) -> None:
        if settlement.is_empty:
            return

        def on_reply(reply: Reply) -> None:
            if isinstance(reply, ReplyError):
                settlement.sent_in_vain()
                self._keep(settlement)

        if not self._send(settlement, on_reply):
            self._keep(settlement)

    def tell_again(self, at_most: int) -> None:
        """The oldest ones."""
        for _ in range(min(at_most, len(self._waiting))):
            self.tell(self._waiting.popleft())

    def _keep(self, settlement: Settlement) -> None:
        if settlement.tries >= _TRIES or settlement.is_empty:
            _lost.inc()
            return
        if len(self._waiting) >= MOST_PENDING:
            self._waiting.popleft()
            _lost.inc()
        self._waiting.append(settlement)
