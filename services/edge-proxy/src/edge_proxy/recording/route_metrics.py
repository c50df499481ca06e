"""The health of the configured routes, for whoever looks at the metrics."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from edge_proxy.control.configuration import Configuration
from edge_proxy.routing.health import Healths

_STATES: Final = {"closed": 0, "half_open": 1, "open": 2}


class RouteMetrics(Collector):
    """Labels are bounded by the configuration: of routes that are gone nothing is kept."""

    def __init__(self, registry: CollectorRegistry, *, healths: Healths, configuration: Configuration) -> None:
        self._registry = registry
        self._healths = healths
        self._configuration = configuration
        registry.register(self)

    def close(self) -> None:
        self._registry.unregister(self)

    def collect(self) -> Iterator[Metric]:
        state = GaugeMetricFamily("omg_edge_breaker_state", "0 closed, 1 half open, 2 open.", labels=["route"])
        opens = CounterMetricFamily("omg_edge_breaker_opens", "Times a breaker opened.", labels=["route"])
        in_flight = GaugeMetricFamily("omg_edge_route_calls_in_flight", "Calls at the route now.", labels=["route"])
        aliases = self._configuration.snapshot.aliases.values()
        self._healths.keep_only({route.id for alias in aliases for route in alias.routes})
        for route, health in self._healths.items():
            state.add_metric([route], _STATES[health.breaker.state])
            opens.add_metric([route], health.breaker.opens)
            in_flight.add_metric([route], health.in_flight)
        yield from (state, opens, in_flight)
