"""Times that connections are held to, looked at all together a few times a second.

A timer per request would cost more than parsing it. So each connection only writes down its deadline, and one timer compares.
"""

import asyncio
from collections.abc import Collection
from typing import Final, Protocol

NEVER: Final = float("inf")
_LOOKS_PER_TIMEOUT: Final = 10
_MAX_INTERVAL_S: Final = 0.5


class Expiring(Protocol):
    """`deadline` is in the loop's time."""

    deadline: float

    def expire(self) -> None:
        """The deadline has passed."""
        ...


class Deadlines:
    """Watches `members`; a deadline is noticed at most a tenth of `shortest_s`, and half a second, late."""

    def __init__(self, loop: asyncio.AbstractEventLoop, members: Collection[Expiring], *, shortest_s: float) -> None:
        self._loop = loop
        self._members = members
        self._interval_s = min(_MAX_INTERVAL_S, shortest_s / _LOOKS_PER_TIMEOUT)
        self._timer = loop.call_later(self._interval_s, self._look)

    def close(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        for member in [each for each in self._members if each.deadline <= now]:
            member.expire()
        self._timer = self._loop.call_later(self._interval_s, self._look)
