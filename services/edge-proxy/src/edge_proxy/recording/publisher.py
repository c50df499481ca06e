"""From settled calls to JetStream: events of about 50 ms travel as one message, acknowledged, under a message id.

Memory is bounded: beyond `max_in_memory` events are left to the journal and read back from there once NATS takes them.
A batch whose acknowledgement is lost is sent again unchanged under the same id; JetStream drops the copy within its window,
and the ledger drops any other by call id. Delivery is at least once here, exactly once in the ledger.

Failure policy: NATS away → events wait (memory, then disk) and are sent when it is back; `omg_edge_usage_pending` shows how many,
`omg_edge_usage_publish_failures_total` moves at each failed try.
"""

import asyncio
from collections import deque
from hashlib import blake2b
from typing import Final, NamedTuple

from nats.errors import Error as NatsError
from prometheus_client import Counter, Gauge

from common.bus.connection import Bus
from common.events import subjects
from common.logging import get_logger
from edge_proxy.recording.journal import Journal, Segment
from edge_proxy.recording.notes import read_events

_TICK_S: Final = 0.05
_RETRY_S: Final = 0.25
_ACK_TIMEOUT_S: Final = 5.0
_MAX_BATCH: Final = 500
_MAX_BATCH_BYTES: Final = 512 * 1024
_MAX_IN_MEMORY: Final = 50_000
_DRAIN_S: Final = 5.0

_log = get_logger(__name__)
_pending = Gauge("omg_edge_usage_pending", "Usage events in memory that JetStream has not acknowledged.")
_published = Counter("omg_edge_usage_published_total", "Usage events acknowledged by JetStream.")
_publish_failures = Counter("omg_edge_usage_publish_failures_total", "Tries to publish usage that failed.")
_spilled = Counter("omg_edge_usage_spilled_total", "Usage events left to the journal because memory was full.")


class _Waiting(NamedTuple):
    """An event, and the journal segments that keep its call until it is acknowledged."""

    event: bytes
    begun_in: Segment
    settled_in: Segment


class UsagePublisher:
    """Takes settled events and owns them until JetStream has them."""

    def __init__(self, *, bus: Bus, journal: Journal, max_in_memory: int = _MAX_IN_MEMORY) -> None:
        self._bus = bus
        self._journal = journal
        self._max_in_memory = max_in_memory
        self._queue: deque[_Waiting] = deque()
        _pending.set_function(lambda: len(self._queue))  # also true while nothing can be published
        self._wake = asyncio.Event()

    @property
    def pending(self) -> int:
        """Events in memory that JetStream has not acknowledged."""
        return len(self._queue)

    def add(self, event: bytes, begun_in: Segment) -> None:
        """Journal the encoded event of a call and queue it. Never blocks, never fails."""
        settled_in = self._journal.end(event)
        if len(self._queue) < self._max_in_memory:
            self._queue.append(_Waiting(event, begun_in, settled_in))
        else:
            settled_in.unread = True  # the file keeps it, and is published from later
            self._journal.release(begun_in)
            self._journal.release(settled_in)
            _spilled.inc()
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(_TICK_S)
            self._wake.clear()
            await self._bus.connected()
            try:
                await self._flush()
            except (NatsError, OSError, TimeoutError) as error:
                _publish_failures.inc()
                _log.warning("usage waits", error=repr(error), pending=len(self._queue))
                await asyncio.sleep(_RETRY_S)
                self._wake.set()

    async def drain(self) -> None:
        """On shutdown: publish what is there if NATS takes it within a few seconds; the journal keeps the rest."""
        if not self._bus.is_connected:
            return
        try:
            async with asyncio.timeout(_DRAIN_S):
                await self._flush()
        except (NatsError, OSError, TimeoutError) as error:
            _log.warning("usage is left to the journal", error=repr(error), pending=len(self._queue))

    async def publish_segment(self, segment: Segment) -> None:
        """Publish every event of a finished segment from its file. Raises the NATS client's errors; safe to repeat."""
        batch: list[bytes] = []
        size = 0
        for event in read_events(segment.path):
            batch.append(event)
            size += len(event)
            if len(batch) == _MAX_BATCH or size > _MAX_BATCH_BYTES:
                await self._publish(batch)
                batch, size = [], 0
        if batch:
            await self._publish(batch)
        segment.unread = False

    async def _flush(self) -> None:
        while self._queue:
            batch = self._next_batch()
            await self._publish([waiting.event for waiting in batch])
            for waiting in batch:
                self._queue.popleft()
                self._journal.release(waiting.begun_in)
                self._journal.release(waiting.settled_in)
        if any(segment.unread for segment in [*self._journal.leftovers, self._journal.current]):
            self._journal.rotate()
            for segment in self._journal.leftovers:
                if segment.unread:
                    await self.publish_segment(segment)
        self._journal.collect()

    def _next_batch(self) -> list[_Waiting]:
        batch = []
        size = 0
        for waiting in self._queue:
            batch.append(waiting)
            size += len(waiting.event)
            if len(batch) == _MAX_BATCH or size > _MAX_BATCH_BYTES:
                break
        return batch

    async def _publish(self, events: list[bytes]) -> None:
        payload = b"[" + b",".join(events) + b"]"
        message_id = blake2b(payload, digest_size=16).hexdigest()
        await self._bus.jetstream().publish(
            subjects.USAGE_RECORDED, payload, timeout=_ACK_TIMEOUT_S, headers={"Nats-Msg-Id": message_id}
        )
        _published.inc(len(events))
