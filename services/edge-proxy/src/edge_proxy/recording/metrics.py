"""The metrics of calls, counted in plain integers and turned into Prometheus families when somebody looks.

The client library's own counters and histograms take a lock and several calls each; at five per call that was felt.
Everything here runs on the event loop's thread. Labels are bounded: providers and outcomes.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from common.events.usage import CallStatus, Tokens
from common.money import NanoUsd

_BOUNDS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_PER_TOKEN_BOUNDS_S: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0)


class _Durations:
    """A histogram in seconds."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = _BOUNDS_S) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative, as Prometheus wants them."""
        running, buckets = 0, []
        for name, count in zip((*map(str, self._bounds), "+Inf"), self.counts, strict=True):
            running += count
            buckets.append((name, float(running)))
        return buckets


class _Provider:
    """The numbers of one provider and operation."""

    __slots__ = ("calls", "cost", "duration", "first_byte", "input_tokens", "output_tokens", "per_token")

    def __init__(self) -> None:
        self.calls = dict.fromkeys(get_args(CallStatus), 0)
        self.duration = _Durations()
        self.first_byte = _Durations()
        self.per_token = _Durations(_PER_TOKEN_BOUNDS_S)
        self.cost = 0
        self.input_tokens = 0
        self.output_tokens = 0


class CallMetrics(Collector):
    """`registry` takes it in for as long as the process lives, or until `close`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.in_flight = 0
        self._providers: dict[tuple[str, str], _Provider] = {}
        self._registry = registry
        registry.register(self)

    def close(self) -> None:
        self._registry.unregister(self)

    def count(
        self,
        *,
        provider: str,
        operation: str,
        status: CallStatus,
        tokens: Tokens,
        duration: float,
        first_byte: float | None,
        stream: bool,
        cost: NanoUsd,
    ) -> None:
        """One settled call; times in seconds."""
        numbers = self._providers.get((provider, operation))
        if numbers is None:
            numbers = self._providers[provider, operation] = _Provider()
        numbers.calls[status] += 1
        numbers.duration.observe(duration)
        if first_byte is not None:
            numbers.first_byte.observe(first_byte)
            if stream and tokens.output > 1:
                numbers.per_token.observe((duration - first_byte) / (tokens.output - 1))
        numbers.cost += cost
        numbers.input_tokens += tokens.input
        numbers.output_tokens += tokens.output

    def collect(self) -> Iterator[Metric]:
        labels = ["provider", "operation"]
        calls = CounterMetricFamily("omg_edge_calls", "Calls that went to a provider.", labels=[*labels, "status"])
        tokens = CounterMetricFamily("omg_edge_tokens", "Tokens as accounted.", labels=[*labels, "kind"])
        duration = HistogramMetricFamily("gen_ai_server_request_duration_seconds", "Whole calls.", labels=labels)
        first = HistogramMetricFamily("gen_ai_server_time_to_first_token_seconds", "To the first byte.", labels=labels)
        per_token = HistogramMetricFamily(
            "gen_ai_server_time_per_output_token_seconds", "Of streams, after the first token.", labels=labels
        )
        cost = CounterMetricFamily(
            "omg_edge_cost_nano_usd", "What calls cost; the ledger is what counts.", labels=labels
        )
        for names, numbers in self._providers.items():
            for status, count in numbers.calls.items():
                calls.add_metric([*names, status], count)
            tokens.add_metric([*names, "input"], numbers.input_tokens)
            tokens.add_metric([*names, "output"], numbers.output_tokens)
            duration.add_metric(names, numbers.duration.buckets(), numbers.duration.total)
            first.add_metric(names, numbers.first_byte.buckets(), numbers.first_byte.total)
            per_token.add_metric(names, numbers.per_token.buckets(), numbers.per_token.total)
            cost.add_metric(names, numbers.cost)
        yield from (calls, tokens, duration, first, per_token, cost)
        yield GaugeMetricFamily("omg_edge_calls_in_flight", "Calls at a provider now.", self.in_flight)
        yield GaugeMetricFamily("omg_edge_tasks", "Tasks of the event loop now.", _tasks())


def _tasks() -> int:
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # collected outside the loop, by a test
        return 0
