"""A route's circuit breaker: closed while it works, open for a while when it fails too often, then tried with one call at a time.

Pure: the time comes in, in seconds of any monotonic clock. A success of a route that never fails costs a comparison. Whoever is to
hear of changes listens: only what this breaker finds out by itself is told, never what it was told by others.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Literal

import msgspec

State = Literal["closed", "open", "half_open"]
Finding = Literal["opened", "reopened", "probing", "closed"]
"""`reopened`: a probe failed; `probing`: a probe is on its way."""

Probe = int
"""Which opening a call is the probe after; `NO_PROBE` for a call that is none."""
NO_PROBE: Final = 0

Listener = Callable[[Finding, float], None]
"""Gets the seconds that others should leave the route alone for: the cool-down; of a breaker that closed, how long it was open."""


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


def nobody(_finding: Finding, _seconds: float) -> None:
    """Listens to nothing."""


class Breaker:
    """`opens` counts how often it opened; `open_until` is when it may be probed."""

    __slots__ = (
        "_cool_down",
        "_failures",
        "_opened_at",
        "_options",
        "_probing_until",
        "_successes",
        "_tell",
        "open_until",
        "opens",
        "state",
    )

    def __init__(self, options: BreakerOptions, tell: Listener = nobody) -> None:
        self.state: State = "closed"
        self.open_until = 0.0
        self.opens = 0
        self._tell = tell
        self._options = options
        self._failures: deque[float] = deque()
        self._successes = 0
        self._cool_down = options.cool_down
        self._probing_until = 0.0
        self._opened_at = 0.0

    def allows(self, now: float) -> bool:
        """Whether a call may be sent now. Says nothing about the next one: `sent` follows when it is."""
        if self.state == "closed":
            return True
        return now >= self.open_until and now >= self._probing_until

    def sent(self, now: float) -> Probe:
        """A call is sent: when the breaker is not closed, it is the probe."""
        if self.state == "closed":
            return NO_PROBE
        if self.state == "open":
            self.state = "half_open"
            self._successes = 0
        self._probing_until = now + self._options.probe_patience
        self._tell("probing", self._cool_down)
        return self.opens

    # How a call ended. While the breaker is not closed only its probe counts: what was sent before it opened is old news.

    def succeeded(self, now: float, probe: Probe = NO_PROBE) -> None:
        if self.state == "closed":
            if self._failures:
                self._successes += 1
                self._forget(now)
        elif self._is_awaited(probe):
            self._probing_until = 0.0
            self._successes += 1
            if self._successes >= self._options.probes:
                self._close()
                self._tell("closed", now - self._opened_at)

    def failed(self, now: float, probe: Probe = NO_PROBE) -> None:
        if self._is_awaited(probe):
            self._cool_down = min(self._cool_down * 2, self._options.max_cool_down)
            self._open(self._cool_down, now)
            self._tell("reopened", self._cool_down)
        elif self.state == "closed":
            self._failures.append(now)
            self._forget(now)
            failures = len(self._failures)
            if failures >= self._options.failures and failures >= self._options.ratio * (failures + self._successes):
                self._open(self._cool_down, now)
                self._tell("opened", self._cool_down)

    def let_go(self, probe: Probe = NO_PROBE) -> None:
        """It said nothing about the route: its client left, or was at fault."""
        if self._is_awaited(probe):
            self._probing_until = 0.0

    def end_cool_down(self, now: float) -> None:
        """The provider answers again: the next call may be the probe. Nothing happens to a breaker that is not open."""
        if self.state == "open":
            self.open_until = min(self.open_until, now)

    # What other replicas found out.

    def open_for(self, seconds: float, now: float, *, cool_down: float | None = None) -> None:
        """It failed elsewhere. It is not probed here before `seconds` have passed, nor before it would have been anyway."""
        until = now + seconds
        if self.state == "open":
            until = max(until, self.open_until)
        self._open(until - now, now)
        if cool_down is not None:
            self._cool_down = min(cool_down, self._options.max_cool_down)

    def probed_elsewhere(self, seconds: float, now: float) -> None:
        """Another probe is on its way: ours can wait for what it finds."""
        if self.state == "open":
            self.open_until = max(self.open_until, now + seconds)

    def closed_elsewhere(self) -> None:
        """It works again."""
        if self.state != "closed":
            self._close()

    def _is_awaited(self, probe: Probe) -> bool:
        return self.state == "half_open" and probe == self.opens

    def _open(self, seconds: float, now: float) -> None:
        if self.state != "open":
            self.opens += 1
        if self.state == "closed":
            self._opened_at = now
        self.state = "open"
        self.open_until = now + seconds
        self._probing_until = 0.0
        self._failures.clear()
        self._successes = 0

    def _close(self) -> None:
        self.state = "closed"
        self._cool_down = self._options.cool_down
        self._probing_until = 0.0
        self._failures.clear()
        self._successes = 0

    def _forget(self, now: float) -> None:
        while self._failures and self._failures[0] < now - self._options.window:
            self._failures.popleft()
        if not self._failures:
            self._successes = 0
