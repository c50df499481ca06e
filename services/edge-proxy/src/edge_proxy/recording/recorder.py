"""The two notes every call that goes to a provider leaves: `begin` before it is sent, `settle` once its outcome is known.

`settle` makes the usage event (priced lines, tokens, times), hands it to the publisher, moves the metrics and writes the
canonical log line. It runs exactly once per begun call, whatever happened to the call.
"""

from time import perf_counter

import msgspec

from common.events.subjects import USAGE_RECORDED
from common.events.usage import Tokens, UsageEnvelope, UsageRecorded
from common.logging import get_logger
from edge_proxy.errors import Unavailable
from edge_proxy.pipeline.call import Call
from edge_proxy.pricing.cost import price_call
from edge_proxy.pricing.estimate import estimate_input_tokens
from edge_proxy.recording.access_log import AccessLog
from edge_proxy.recording.attribution import Attribution
from edge_proxy.recording.journal import Journal, JournalError
from edge_proxy.recording.metrics import CallMetrics
from edge_proxy.recording.notes import Begun
from edge_proxy.recording.publisher import UsagePublisher
from edge_proxy.recording.traces import Traces

_log = get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class Recorder:
    """`source` names this replica in its events."""

    def __init__(
        self,
        *,
        journal: Journal,
        publisher: UsagePublisher,
        access_log: AccessLog,
        metrics: CallMetrics,
        traces: Traces,
        attribution: Attribution,
        source: str,
    ) -> None:
        self._journal = journal
        self._publisher = publisher
        self._access_log = access_log
        self._source = source
        self._metrics = metrics
        self._traces = traces
        self._attribution = attribution

    def begin(self, call: Call) -> None:
        """Journal the call. From here on it will be in the ledger. Raises `Unavailable` when it cannot be journalled."""
        call.end_user = self._attribution.user(call.request)
        call.metadata = self._attribution.metadata(call.request)
        try:
            call.segment = self._journal.begin(self._note(call))
        except JournalError:
            raise Unavailable(
                "The gateway cannot record usage at the moment. Please retry.", code="journal_full"
            ) from None
        self._metrics.in_flight += 1

    def rerouted(self, call: Call) -> None:
        """Journal the call once more, for it goes on by another route: should the edge die, the last note counts."""
        try:
            self._journal.release(self._journal.begin(self._note(call)))
        except JournalError:
            _log.warning("the journal still names a call's former route", request_id=call.id)

    def _note(self, call: Call) -> bytes:
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
            prices=route.prices.basic,
            price_version=route.prices.version,
            estimate=Tokens(input=estimate_input_tokens(call.request.body_size)),
            end_user=call.end_user,
            metadata=call.metadata,
            tags=call.key.tags,
        )
        return _encode(begun)

    def settle(self, call: Call) -> None:
        """Make the call's usage event and let go of the call."""
        assert call.segment is not None
        now = perf_counter()
        route = call.route
        lines, cost = price_call(call.tokens, route.prices.by_kind)
        call.cost = cost
        latency = now - call.started
        event = UsageEnvelope(
            id=call.id,
            type=USAGE_RECORDED,
            source=self._source,
            time=call.time,
            trace=self._traces.record(call, seconds=latency) if call.sampled else None,
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
                price_version=route.prices.version,
                latency_ms=int(latency * 1000),
                attempts=call.tries,
                end_user=call.end_user,
                metadata=call.metadata,
                tags=call.key.tags,
                first_token_ms=None if call.first_byte is None else int((call.first_byte - call.started) * 1000),
            ),
        )
        encoded = _encode(event)
        self._publisher.add(encoded, call.segment)
        self._access_log.add(encoded)
        self._metrics.in_flight -= 1
        self._metrics.count(
            provider=route.provider.name,
            operation=call.operation,
            status=call.status,
            tokens=call.tokens,
            duration=latency,
            first_byte=None if call.first_byte is None else call.first_byte - call.started,
            stream=call.request.stream,
            cost=cost,
        )
