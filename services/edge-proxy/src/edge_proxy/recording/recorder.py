"""The two notes every call that goes to a provider leaves: `begin` before it is sent, `settle` once its outcome is known.

`settle` makes the usage event (priced lines, tokens, times), hands it to the publisher, moves the metrics and writes the
canonical log line. It runs exactly once per begun call, whatever happened to the call.
"""

from datetime import timedelta
from time import perf_counter
from typing import Final, get_args

import msgspec
from prometheus_client import Counter, Gauge, Histogram

from common.events.subjects import USAGE_RECORDED
from common.events.usage import CallStatus, Tokens, UsageEnvelope, UsageRecorded
from edge_proxy.errors import Unavailable
from edge_proxy.pipeline.call import Call
from edge_proxy.pricing.cost import price_call
from edge_proxy.pricing.estimate import estimate_input_tokens
from edge_proxy.recording.access_log import AccessLog
from edge_proxy.recording.journal import Journal, JournalError
from edge_proxy.recording.notes import Begun
from edge_proxy.recording.publisher import UsagePublisher

_LATENCY_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_calls = Counter("omg_edge_calls_total", "Calls that went to a provider.", ["provider", "operation", "status"])
_in_flight = Gauge("omg_edge_calls_in_flight", "Calls at a provider now.")
_latency = Histogram("gen_ai_server_request_duration_seconds", "Whole calls.", ["provider"], buckets=_LATENCY_BUCKETS)
_first_byte = Histogram(
    "gen_ai_server_time_to_first_token_seconds", "To the answer's first byte.", ["provider"], buckets=_LATENCY_BUCKETS
)
_tokens = Counter("omg_edge_tokens_total", "Tokens as priced.", ["provider", "kind"])

_encode = msgspec.json.Encoder().encode


class _ProviderMetrics:
    """A provider's label sets, looked up once: `labels()` is too slow for every call."""

    def __init__(self, provider: str) -> None:
        self.calls = {
            status: _calls.labels(provider, "chat", status)
            for status in ("succeeded", "failed", "aborted", "interrupted")
        }
        self.latency = _latency.labels(provider)
        self.first_byte = _first_byte.labels(provider)
        self.input_tokens = _tokens.labels(provider, "input")
        self.output_tokens = _tokens.labels(provider, "output")


class Recorder:
    """`source` names this replica in its events."""

    def __init__(self, *, journal: Journal, publisher: UsagePublisher, access_log: AccessLog, source: str) -> None:
        self._journal = journal
        self._publisher = publisher
        self._access_log = access_log
        self._source = source
        self._metrics: dict[str, _ProviderMetrics] = {}

    def begin(self, call: Call) -> None:
        """Journal the call. From here on it will be in the ledger. Raises `Unavailable` when it cannot be journalled."""
        route = call.route
        begun = Begun(
            id=call.id,
            time=call.time,
            tenant_id=call.tenant.id,
            key_id=call.key.id,
            alias=call.alias.name,
            route_id=route.id,
            provider=route.provider.name,
            model=route.model,
            operation=call.operation,
            stream=call.request.stream,
            prices=route.prices,
            price_version=route.price_version,
            estimate=Tokens(input=estimate_input_tokens(call.request.body_size)),
        )
        try:
            call.segment = self._journal.begin(_encode(begun))
        except JournalError:
            raise Unavailable(
                "The gateway cannot record usage at the moment. Please retry.", code="journal_full"
            ) from None
        _in_flight.inc()

    def settle(self, call: Call) -> None:
        """Make the call's usage event and let go of the call."""
        assert call.segment is not None
        now = perf_counter()
        route = call.route
        lines, cost = price_call(call.tokens, route.prices)
        latency = now - call.started
        event = UsageEnvelope(
            id=call.id,
            type=USAGE_RECORDED,
            source=self._source,
            time=call.time,
            data=UsageRecorded(
                tenant_id=call.tenant.id,
                key_id=call.key.id,
                alias=call.alias.name,
                route_id=route.id,
                provider=route.provider.name,
                model=route.model,
                operation=call.operation,
                stream=call.request.stream,
                status=call.status,
                http_status=call.http_status,
                error_code=call.error_code,
                tokens=call.tokens,
                estimated=call.estimated,
                lines=lines,
                cost_nano_usd=str(cost),
                price_version=route.price_version,
                latency_ms=int(latency * 1000),
                first_token_ms=None if call.first_byte is None else int((call.first_byte - call.started) * 1000),
            ),
        )
        self._publisher.add(_encode(event), call.segment)
        _in_flight.dec()
        self._measure(call, latency)
        self._access_log.add(
            {
                "event": "call",
                "timestamp": (call.time + timedelta(seconds=latency)).isoformat(),
                "request_id": call.id,
                "tenant_id": call.tenant.id,
                "key_id": call.key.id,
                "alias": call.alias.name,
                "route_id": route.id,
                "provider": route.provider.name,
                "status": call.status,
                "http_status": call.http_status,
                "error_code": call.error_code,
                "stream": call.request.stream,
                "input_tokens": call.tokens.input,
                "output_tokens": call.tokens.output,
                "cost_nano_usd": cost,
                "latency_ms": event.data.latency_ms,
            }
        )

    def _measure(self, call: Call, latency: float) -> None:
        provider = call.route.provider.name
        metrics = self._metrics.get(provider)
        if metrics is None:
            metrics = self._metrics[provider] = _ProviderMetrics(provider)
        metrics.calls[call.status].inc()
        metrics.latency.observe(latency)
        if call.first_byte is not None:
            metrics.first_byte.observe(call.first_byte - call.started)
        metrics.input_tokens.inc(call.tokens.input)
        metrics.output_tokens.inc(call.tokens.output)
