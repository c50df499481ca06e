"""After a start: reporting what a former process left in the journal.

A call without an end was in flight when its process was killed. Whether the provider had already got it is unknowable, so it
is reported once, as `interrupted`, with estimated tokens, under the call's own id: should its real event have been published
after all, the ledger keeps the first and counts the second. Settled events go out as they are. Only then the files go.
"""

import asyncio

import msgspec
from nats.errors import Error as NatsError
from prometheus_client import Counter

from common.bus.connection import Bus
from common.events.subjects import USAGE_RECORDED
from common.events.usage import UsageEnvelope, UsageRecorded
from common.logging import get_logger
from edge_proxy.pricing.cost import price_call
from edge_proxy.recording.journal import Journal
from edge_proxy.recording.notes import Begun, read_interrupted
from edge_proxy.recording.publisher import UsagePublisher

_RETRY_S = 0.5

_log = get_logger(__name__)
_interrupted = Counter("omg_edge_interrupted_calls_total", "Calls found in flight in a killed process's journal.")


class Recovery:
    """Works on the segments that were there when the journal was opened."""

    def __init__(self, *, bus: Bus, journal: Journal, publisher: UsagePublisher, source: str) -> None:
        self._bus = bus
        self._journal = journal
        self._publisher = publisher
        self._source = source
        self._segments = journal.leftovers

    async def run(self) -> None:
        """Journal and queue the interrupted calls, publish the settled ones, release the segments."""
        if not self._segments:
            return
        paths = [segment.path for segment in self._segments]
        interrupted = await asyncio.to_thread(read_interrupted, paths)
        _log.info("journal of a former process", segments=len(paths), interrupted=len(interrupted))
        for call in interrupted:
            _interrupted.inc()
            self._publisher.add(interrupted_event(call, source=self._source), self._journal.hold())
        while self._segments:
            await self._bus.connected()
            try:
                await self._publisher.publish_segment(self._segments[0])
            except (NatsError, OSError, TimeoutError) as error:
                _log.warning("the journal of a former process waits", error=repr(error))
                await asyncio.sleep(_RETRY_S)
                continue
            self._journal.release(self._segments.pop(0))
        self._journal.collect()


def interrupted_event(begun: Begun, *, source: str) -> bytes:
    """The event of a call whose process was killed: estimated, priced by what is known to have been sent."""
    lines, cost = price_call(begun.estimate, begun.prices)
    return msgspec.json.encode(
        UsageEnvelope(
            id=begun.id,
            type=USAGE_RECORDED,
            source=source,
            time=begun.time,
            data=UsageRecorded(
                tenant_id=begun.tenant_id,
                key_id=begun.key_id,
                alias=begun.alias,
                route_id=begun.route_id,
                provider=begun.provider,
                model=begun.model,
                operation=begun.operation,
                stream=begun.stream,
                status="interrupted",
                http_status=500,
                error_code="gateway_interrupted",
                tokens=begun.estimate,
                estimated=True,
                lines=lines,
                cost_nano_usd=str(cost),
                price_version=begun.price_version,
                latency_ms=0,
                first_token_ms=None,
                end_user=begun.end_user,
                metadata=begun.metadata,
                tags=begun.tags,
            ),
        )
    )
