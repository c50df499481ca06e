"""What is known of each route from the calls that took it: how many are under way, how fast it begins to answer, its breaker."""

from collections.abc import Callable
from functools import partial
from typing import Final

from edge_proxy.errors import FailureKind
from edge_proxy.routing.breaker import Breaker, BreakerOptions, Finding, Listener, Probe, nobody

_WEIGHT_OF_NEWEST: Final = 0.2

Watcher = Callable[[str, Finding, float], None]
"""Hears, with the route's id, what a breaker of this replica found out."""


class RouteHealth:
    """`latency` is the smoothed time to the first byte in seconds, 0 while unknown; `held_until`: its provider asked us to wait.

    `trouble` is the last failure that the breaker counted.
    """

    __slots__ = ("breaker", "held_until", "in_flight", "latency", "trouble")

    def __init__(self, options: BreakerOptions, tell: Listener = nobody) -> None:
        self.in_flight = 0
        self.latency = 0.0
        self.held_until = 0.0
        self.trouble: FailureKind | None = None
        self.breaker = Breaker(options, tell)

    def is_available(self, now: float) -> bool:
        return now >= self.held_until and self.breaker.allows(now)

    def available_at(self) -> float:
        """At the latest, as far as it is known now."""
        return max(self.held_until, self.breaker.open_until)

    def load(self) -> tuple[int, float]:
        """To compare two routes by: the smaller is the better one."""
        return self.in_flight, self.latency

    def began(self, now: float) -> Probe:
        """What is returned goes back with the call's end."""
        self.in_flight += 1
        return self.breaker.sent(now)

    def succeeded(self, now: float, probe: Probe, first_byte: float) -> None:
        self.in_flight -= 1
        self.latency += _WEIGHT_OF_NEWEST * (first_byte - self.latency) if self.latency else first_byte
        self.breaker.succeeded(now, probe)

    def failed(self, now: float, probe: Probe, kind: FailureKind) -> None:
        self.in_flight -= 1
        self.trouble = kind
        self.breaker.failed(now, probe)

    def held(self, now: float, probe: Probe, seconds: float) -> None:
        """Its rate limit: no fault, but no use either until then."""
        self.in_flight -= 1
        self.held_until = now + seconds
        self.breaker.let_go(probe)

    def let_go(self, probe: Probe) -> None:
        """The call said nothing about the route."""
        self.in_flight -= 1
        self.breaker.let_go(probe)


class Healths:
    """By route id: what is known outlives changes of the configuration."""

    def __init__(self, options: BreakerOptions) -> None:
        self.options = options
        self._by_route: dict[str, RouteHealth] = {}
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """It must not fail and not take long: it is called in the middle of a call."""
        self._watchers.append(watcher)

    def of(self, route_id: str) -> RouteHealth:
        health = self._by_route.get(route_id)
        if health is None:
            health = self._by_route[route_id] = RouteHealth(self.options, partial(self._tell, route_id))
        return health

    def _tell(self, route_id: str, finding: Finding, seconds: float) -> None:
        for watcher in self._watchers:
            watcher(route_id, finding, seconds)

    def items(self) -> list[tuple[str, RouteHealth]]:
        return list(self._by_route.items())

    def keep_only(self, route_ids: set[str]) -> None:
        """Forget the routes that are gone."""
        self._by_route = {key: health for key, health in self._by_route.items() if key in route_ids}
