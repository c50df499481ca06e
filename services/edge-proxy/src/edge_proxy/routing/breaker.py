"""A route's circuit breaker: closed while it works, open for a while when it fails too often, then tried with one call at a time.

Pure: the time comes in, in seconds of any monotonic clock. A success of a route that never fails costs a comparison.
"""

from collections import deque
from typing import Literal

import msgspec

State = Literal["closed", "open", "half_open"]


class BreakerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Opens at `failures` within `window` seconds, if they are at least `ratio` of the calls since the first of them.

    `cool_down` doubles with each failed probe, up to `max_cool_down`; `probes` successes in a row close it. A probe that does
    not come back for `probe_patience` counts as none.
    """

    failures: int = 5
    window: float = 30.0
    ratio: float = 0.5
    cool_down: float = 5.0
    max_cool_down: float = 60.0
    probes: int = 2
    probe_patience: float = 60.0


class Breaker:
    """`opens` counts how often it opened; `open_until` is when it may be probed."""

    __slots__ = ("_cool_down", "_failures", "_options", "_probing_until", "_successes", "open_until", "opens", "state")

    def __init__(self, options: BreakerOptions) -> None:
        self.state: State = "closed"
        self.open_until = 0.0
        self.opens = 0
        self._options = options
        self._failures: deque[float] = deque()
        self._successes = 0
        self._cool_down = options.cool_down
        self._probing_until = 0.0

    def allows(self, now: float) -> bool:
        """Whether a call may be sent now. Says nothing about the next one: `sent` follows when it is."""
        if self.state == "closed":
            return True
        return now >= self.open_until and now >= self._probing_until

    def sent(self, now: float) -> None:
        """A call is sent: when the breaker is not closed, it is the probe."""
        if self.state != "closed":
            if self.state == "open":
                self.state = "half_open"
                self._successes = 0
            self._probing_until = now + self._options.probe_patience

    def succeeded(self, now: float) -> None:
        if self.state == "closed":
            if self._failures:
                self._successes += 1
                self._forget(now)
        elif self.state == "half_open":
            self._probing_until = 0.0
            self._successes += 1
            if self._successes >= self._options.probes:
                self._close()

    def failed(self, now: float) -> None:
        if self.state == "half_open":
            self._cool_down = min(self._cool_down * 2, self._options.max_cool_down)
            self.open_for(self._cool_down, now)
        elif self.state == "closed":
            self._failures.append(now)
            self._forget(now)
            failures = len(self._failures)
            if failures >= self._options.failures and failures >= self._options.ratio * (failures + self._successes):
                self.open_for(self._cool_down, now)

    def let_go(self) -> None:
        """A call ended without saying anything about the route: its client left, or was at fault."""
        self._probing_until = 0.0

    def open_for(self, seconds: float, now: float) -> None:
        """Also what another replica found out."""
        if self.state != "open":
            self.opens += 1
        self.state = "open"
        self.open_until = now + seconds
        self._probing_until = 0.0
        self._failures.clear()
        self._successes = 0

    def _close(self) -> None:
        self.state = "closed"
        self._cool_down = self._options.cool_down
        self._failures.clear()
        self._successes = 0

    def _forget(self, now: float) -> None:
        while self._failures and self._failures[0] < now - self._options.window:
            self._failures.popleft()
        if not self._failures:
            self._successes = 0
