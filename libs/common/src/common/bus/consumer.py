"""The durable pull consumer: at least once, acknowledged after the commit, nothing lost and nothing that blocks the rest.

What can go wrong with a message, and what happens then:

| the message or its handling | outcome |
|---|---|
| unreadable, wholly or in part | the part is dead-lettered, the rest is handled |
| `PermanentError` | the batch is halved until the culprits stand alone; these are dead-lettered, the rest is handled |
| `TransientError`, `OSError`, `TimeoutError` | everything is given back, for ever, with a growing, jittered delay; so is fetching |
| any other exception (a defect of ours) | halved likewise, but the culprits are given back, never dead-lettered |
| the dead letter cannot be stored | the message is given back |

An original is acknowledged only after its dead letters are stored. A handler must therefore bear repetition of everything.
This module is the consumer loop of house rule 6: it catches `Exception`.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError
from prometheus_client import Counter, Gauge

from common.bus.connection import Bus
from common.bus.dead_letters import DeadLetter, publish_dead_letter
from common.bus.pull import BatchBounds, ConsumerGoneError, Puller, PullInterruptedError
from common.bus.streams import ensure_streams
from common.logging import get_logger

T = TypeVar("T")
R = TypeVar("R")

# A worker that is killed keeps its messages from the others this long. It may be short, because a living one says
# every third of it that it is still at work.
ACK_WAIT_S: Final = 12.0
# Over all workers together: about eight full batches in hand, or that many messages given back and waiting. Beyond it the
# server delivers nothing new, so a defect in the handler never spreads over the whole stream.
MAX_ACK_PENDING: Final = 2048

_HANDLE_TIMEOUT_S: Final = 45.0
_PAUSE_S: Final = 0.25
_MAX_PAUSE_S: Final = 5.0
_MAX_REDELIVERY_DELAY_S: Final = 300.0
_LAG_INTERVAL_S: Final = 5.0
_RETRYABLE: Final = (NatsError, OSError, TimeoutError, ConsumerGoneError, PullInterruptedError)

_log = get_logger(__name__)
_consumed = Counter("omg_consumer_messages_total", "Messages settled: handled or dead-lettered.", ["consumer"])
_items = Counter("omg_consumer_items_total", "Items handled.", ["consumer"])
_redelivered = Counter("omg_consumer_redelivered_total", "Messages that came not for the first time.", ["consumer"])
_dead = Counter("omg_consumer_dead_lettered_total", "Dead letters stored.", ["consumer", "cause"])
_given_back = Counter("omg_consumer_given_back_total", "Messages given back for a later try.", ["consumer", "cause"])
_lag = Gauge("omg_consumer_lag_messages", "Messages of the stream that were never delivered yet.", ["consumer"])
_unsettled = Gauge(
    "omg_consumer_unsettled_messages", "Messages delivered and not settled, over all workers.", ["consumer"]
)
_last_success = Gauge("omg_consumer_last_success_timestamp_seconds", "When a batch was last handled.", ["consumer"])
_interruptions = Counter(
    "omg_consumer_interruptions_total", "Times fetching had to start again.", ["consumer", "cause"]
)


class PermanentError(Exception):
    """Raised by a handler: these items will never be accepted. The text becomes the dead letter's reason."""


class TransientError(Exception):
    """Raised by a handler: nothing is wrong with the items, something that is needed is away."""


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """`value` is what the handler gets; `body` the bytes it was read from; `part` its place in the message's array."""

    value: T
    body: bytes
    part: int | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A part of a message that cannot be read (`part` is `None`: the whole message), and why."""

    body: bytes
    reason: str
    part: int | None = None


@dataclass(frozen=True, slots=True)
class Decoded(Generic[T]):
    items: Sequence[Item[T]] = ()
    rejects: Sequence[Reject] = ()


Decode = Callable[[bytes], Decoded[T]]
Handle = Callable[[Sequence[T]], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Delivery(Generic[T]):
    """One message in hand. `give_back` names the cause when some part of it could not be settled now."""

    message: Msg
    decoded: Decoded[T] = field(default_factory=Decoded)
    give_back: str | None = None


@dataclass(frozen=True, slots=True)
class _Piece(Generic[T]):
    delivery: _Delivery[T]
    item: Item[T]


class PullConsumer(Generic[T]):
    """Consumes one subject of a stream under a durable name; any number of processes may do so together."""

    def __init__(
        self,
        *,
        bus: Bus,
        replicas: int,
        stream: str,
        subject: str,
        durable: str,
        decode: Decode[T],
        handle: Handle[T],
        bounds: BatchBounds | None = None,
        ack_wait: float = ACK_WAIT_S,
    ) -> None:
        """`handle` gets the items of a whole batch and returns once they are committed."""
        self._bus = bus
        self._replicas = replicas
        self._stream = stream
        self._subject = subject
        self._durable = durable
        self._decode = decode
        self._handle = handle
        self._ack_wait = ack_wait
        self._puller = Puller(bus=bus, stream=stream, durable=durable, bounds=bounds or BatchBounds())
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()
        self._failures = 0
        self.is_bound = False
        """Whether the consumer was found or created, and is being fetched from."""

    async def stop(self, *, timeout: float) -> None:
        """Let `run` return after the batch in hand, and wait for that, but not longer than `timeout` seconds."""
        self._stopping.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._ended.wait()

    async def run(self) -> None:
        """Consume until stopped. NATS being away, or the stream or the consumer missing, is waited out or put right."""
        self._ended.clear()
        lag = asyncio.create_task(self._watch_lag(), name=f"lag-{self._durable}")
        try:
            while not self._stopping.is_set():
                try:
                    await self._or_stop(self._bind())
                    while not self._stopping.is_set():
                        batch = await self._or_stop(self._puller.next_batch())
                        if batch and not await self._settle(batch):
                            break  # a dead letter was not taken: see whether its stream is there
                except _RETRYABLE as error:
                    self.is_bound = False
                    _interruptions.labels(consumer=self._durable, cause=type(error).__name__).inc()
                    _log.warning("fetching starts again", consumer=self._durable, reason=repr(error))
                    await self._or_stop(asyncio.sleep(_PAUSE_S))
        finally:
            self.is_bound = False
            lag.cancel()
            await asyncio.gather(lag, return_exceptions=True)
            await self._release()
            self._ended.set()

    async def _bind(self) -> None:
        """Make sure that the streams and the consumer exist. An existing consumer keeps its settings: they may be tuned."""
        await self._bus.connected()
        jetstream = self._bus.jetstream()
        await ensure_streams(jetstream, replicas=self._replicas)
        try:
            info = await jetstream.consumer_info(self._stream, self._durable)
        except NotFoundError:
            info = await jetstream.add_consumer(
                self._stream,
                ConsumerConfig(
                    durable_name=self._durable,
                    filter_subject=self._subject,
                    ack_policy=AckPolicy.EXPLICIT,
                    ack_wait=self._ack_wait,
                    max_ack_pending=MAX_ACK_PENDING,
                    max_deliver=-1,
                ),
            )
        self._ack_wait = info.config.ack_wait or self._ack_wait
        self.is_bound = True

    async def _settle(self, batch: Sequence[Msg]) -> bool:
        """Handle, dead-letter, acknowledge or give back every message of `batch`; whether all dead letters were stored."""
        deliveries: list[_Delivery[T]] = [_Delivery(message) for message in batch]
        pause = 0.0
        async with self._kept_in_progress(batch):
            for delivery in deliveries:
                if delivery.message.metadata.num_delivered > 1:
                    _redelivered.labels(consumer=self._durable).inc()
                delivery.decoded = self._decoded(delivery.message.data)
                for reject in delivery.decoded.rejects:
                    await self._bury(delivery, reject, cause="unreadable")
            pieces = [_Piece(delivery, item) for delivery in deliveries for item in delivery.decoded.items]
            try:
                await self._handle_pieces(pieces)
                self._failures = 0
                _last_success.labels(consumer=self._durable).set_to_current_time()
            except (TransientError, OSError, TimeoutError) as error:
                pause = _backoff(self._failures, limit=_MAX_PAUSE_S)
                self._failures += 1
                _log.warning("consumption waits", consumer=self._durable, seconds=round(pause, 2), reason=repr(error))
                for delivery in deliveries:
                    delivery.give_back = "unavailable"
            for delivery in deliveries:
                await self._answer(delivery, pause)
        if pause:
            await self._or_stop(asyncio.sleep(pause))
        return all(delivery.give_back != "dead_letter" for delivery in deliveries)

    def _decoded(self, body: bytes) -> Decoded[T]:
        try:
            return self._decode(body)
        except Exception as error:  # noqa: BLE001 - decoding depends on the bytes alone: no retry would help
            _log.error("decoder failed", consumer=self._durable, error=repr(error), exc_info=error)
            return Decoded(rejects=[Reject(body, f"decoder failed: {type(error).__name__}")])

    async def _handle_pieces(self, pieces: Sequence[_Piece[T]]) -> None:
        """Handle all, or, when that is refused, each half by itself. Transient errors are the caller's."""
        if not pieces:
            return
        try:
            async with asyncio.timeout(_HANDLE_TIMEOUT_S):
                await self._handle([piece.item.value for piece in pieces])
        except (TransientError, OSError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - the consumer loop
            if len(pieces) > 1:
                middle = len(pieces) // 2
                await self._handle_pieces(pieces[:middle])
                await self._handle_pieces(pieces[middle:])
            elif isinstance(error, PermanentError):
                item = pieces[0].item
                await self._bury(pieces[0].delivery, Reject(item.body, str(error), item.part), cause="refused")
            else:
                pieces[0].delivery.give_back = "defect"
                _log.error("handler failed", consumer=self._durable, error=repr(error), exc_info=error)
        else:
            _items.labels(consumer=self._durable).inc(len(pieces))

    async def _bury(self, delivery: _Delivery[T], reject: Reject, *, cause: str) -> None:
        letter = DeadLetter(original=delivery.message, part=reject.part, body=reject.body, reason=reject.reason)
        try:
            await publish_dead_letter(self._bus, letter)
        except (NatsError, OSError, TimeoutError) as error:
            delivery.give_back = "dead_letter"
            _log.warning("dead letter not stored", consumer=self._durable, error=repr(error))
            return
        _dead.labels(consumer=self._durable, cause=cause).inc()
        sequence = delivery.message.metadata.sequence.stream
        _log.error("dead-lettered", consumer=self._durable, cause=cause, reason=reject.reason[:300], sequence=sequence)

    async def _answer(self, delivery: _Delivery[T], pause: float) -> None:
        """Acknowledge or give back. An answer that does not arrive costs a redelivery, which the handler bears."""
        message = delivery.message
        try:
            if delivery.give_back is None:
                await message.ack()
                _consumed.labels(consumer=self._durable).inc()
                return
            delay = pause or _backoff(message.metadata.num_delivered, limit=_MAX_REDELIVERY_DELAY_S)
            _given_back.labels(consumer=self._durable, cause=delivery.give_back).inc()
            await message.nak(delay=delay)
        except (NatsError, OSError, TimeoutError) as error:
            _log.warning("answer not sent", consumer=self._durable, error=repr(error))

    @asynccontextmanager
    async def _kept_in_progress(self, batch: Sequence[Msg]) -> AsyncIterator[None]:
        """Tell the server, while the context lasts, that the messages are being worked on."""

        async def tell() -> None:
            while True:
                await asyncio.sleep(self._ack_wait / 3)
                for message in batch:
                    if self._bus.is_connected and not message.is_acked:
                        await message.in_progress()

        async def keep_telling() -> None:
            while True:
                try:
                    await tell()
                except (NatsError, OSError, TimeoutError) as error:
                    _log.warning("progress not sent", consumer=self._durable, error=repr(error))

        task = asyncio.create_task(keep_telling(), name=f"progress-{self._durable}")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _release(self) -> None:
        """Hand back what was received and not begun, so that another worker gets it now and not after the ack wait."""
        try:
            for message in await self._puller.close():
                await message.nak()
            if self._bus.is_connected:
                await self._bus.client.flush(timeout=2)
        except (NatsError, OSError, TimeoutError) as error:
            _log.warning("messages not given back", consumer=self._durable, error=repr(error))

    async def _watch_lag(self) -> None:
        while True:
            await asyncio.sleep(_LAG_INTERVAL_S)
            if not (self._bus.is_connected and self.is_bound):
                continue
            try:
                info = await self._bus.jetstream().consumer_info(self._stream, self._durable)
            except (NatsError, OSError, TimeoutError):
                continue  # the gauges keep their last value; that NATS is away has metrics of its own
            _lag.labels(consumer=self._durable).set(info.num_pending or 0)
            _unsettled.labels(consumer=self._durable).set(info.num_ack_pending or 0)

    async def _or_stop(self, work: Awaitable[R]) -> R | None:
        """The result of `work`, or `None` as soon as the consumer is to stop."""
        task = asyncio.ensure_future(work)
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            stop.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)


def _backoff(attempt: int, *, limit: float) -> float:
    """Doubling from a quarter of a second up to `limit`, of which a random half is taken: workers do not come back in step."""
    full = min(limit, _PAUSE_S * 2.0 ** min(attempt, 20))
    return full * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing
