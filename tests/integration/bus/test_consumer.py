"""The pull consumer on a real NATS: what is handled, dead-lettered, given back, and survived."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import nats
import pytest
from nats.aio.msg import Msg
from nats.js.client import JetStreamContext
from nats.js.errors import NotFoundError

from common.bus import dead_letters
from common.bus.connection import Bus
from common.bus.consumer import Decoded, Item, PermanentError, PullConsumer, Reject, TransientError
from common.bus.pull import BatchBounds
from common.bus.streams import ensure_streams
from common.events import subjects
from devstack.servers.nats import NatsServer

SUBJECT = subjects.USAGE_RECORDED
DURABLE = "test"


def decode_numbers(body: bytes) -> Decoded[int]:
    """A message is a JSON array of integers; whatever else is in it is a reject of its own."""
    try:
        parts = msgspec.json.decode(body, type=list[Any])
    except msgspec.DecodeError as error:
        return Decoded(rejects=[Reject(body, str(error))])
    good = [Item(part, str(part).encode(), n) for n, part in enumerate(parts) if isinstance(part, int)]
    bad = [
        Reject(msgspec.json.encode(part), "no integer", n) for n, part in enumerate(parts) if not isinstance(part, int)
    ]
    return Decoded(good, bad)


class Handler:
    """Remembers what it was given; `fault` may raise before anything is remembered."""

    def __init__(self, fault: Callable[[Sequence[int]], None] | None = None) -> None:
        self.fault = fault
        self.batches: list[list[int]] = []

    @property
    def numbers(self) -> list[int]:
        return [number for batch in self.batches for number in batch]

    async def __call__(self, numbers: Sequence[int]) -> None:
        if self.fault is not None:
            self.fault(numbers)
        self.batches.append(list(numbers))


class Peer:
    """The other side: publishes, and looks at what became of it."""

    def __init__(self, jetstream: JetStreamContext) -> None:
        self.jetstream = jetstream

    async def publish(self, *bodies: bytes, headers: dict[str, str] | None = None) -> None:
        for body in bodies:
            await self.jetstream.publish(SUBJECT, body, headers=headers)

    async def settled(self) -> bool:
        """Whether every message was delivered and answered for good."""
        try:
            # Not `num_pending`: it follows a publish with a little delay.
            last = (await self.jetstream.stream_info(subjects.USAGE_STREAM)).state.last_seq
            info = await self.jetstream.consumer_info(subjects.USAGE_STREAM, DURABLE)
        except (nats.errors.Error, OSError):
            return False
        assert info.delivered is not None
        return info.delivered.stream_seq >= last and not info.num_ack_pending

    async def dead(self) -> list[Msg]:
        state = (await self.jetstream.stream_info(subjects.DEAD_LETTER_STREAM)).state
        if not state.messages:
            return []
        reader = await self.jetstream.subscribe(subjects.DEAD_LETTER_SUBJECTS, ordered_consumer=True)
        found = [await reader.next_msg(timeout=5) for _ in range(state.messages)]
        await reader.unsubscribe()
        return found


async def until(condition: Callable[[], Awaitable[bool] | bool], *, seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.05)


@pytest.fixture
async def peer(nats_server: NatsServer) -> AsyncIterator[Peer]:
    client = await nats.connect(nats_server.url, reconnect_time_wait=0.1, max_reconnect_attempts=-1, error_cb=_ignore)
    await ensure_streams(client.jetstream(), replicas=1)
    yield Peer(client.jetstream(timeout=8))  # a traceback in the log of a busy machine takes seconds
    await client.close()


async def _ignore(_error: Exception) -> None:
    """The client would print a traceback for every refused attempt to reconnect."""


@asynccontextmanager
async def consuming(server: NatsServer, handle: Handler, **options: Any) -> AsyncIterator[PullConsumer[int]]:
    bus = Bus(url=server.url, name="test")
    consumer = PullConsumer(
        bus=bus,
        replicas=1,
        stream=subjects.USAGE_STREAM,
        subject=SUBJECT,
        durable=DURABLE,
        decode=options.pop("decode", decode_numbers),
        handle=handle,
        **options,
    )
    await bus.start()
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
        if task.done():
            task.result()  # it returns when stopped, and must not raise
    finally:
        await consumer.stop(timeout=5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bus.close()


async def test_everything_is_handled_in_batches_and_acknowledged(nats_server: NatsServer, peer: Peer) -> None:
    await peer.publish(*(msgspec.json.encode([n, n + 1]) for n in range(0, 1000, 2)))
    handler = Handler()
    async with consuming(nats_server, handler, bounds=BatchBounds(messages=100)):
        await until(peer.settled)
    assert sorted(handler.numbers) == list(range(1000))
    assert len(handler.batches) < 20
    assert max(map(len, handler.batches)) <= 200


async def test_a_batch_is_bounded_in_bytes(nats_server: NatsServer, peer: Peer) -> None:
    body = msgspec.json.encode(list(range(1000)))
    await peer.publish(*[body] * 20)
    handler = Handler()
    async with consuming(nats_server, handler, bounds=BatchBounds(messages=100, size=3 * len(body))):
        await until(peer.settled)
    assert len(handler.numbers) == 20_000
    assert max(map(len, handler.batches)) <= 4000


async def test_a_lone_message_does_not_wait_for_company(nats_server: NatsServer, peer: Peer) -> None:
    handler = Handler()
    async with consuming(nats_server, handler) as consumer:
        await until(lambda: consumer.is_bound)
        await asyncio.sleep(0.2)
        started = asyncio.get_running_loop().time()
        await peer.publish(b"[1]")
        await until(lambda: len(handler.numbers) >= 1)
        assert asyncio.get_running_loop().time() - started < 0.5


async def test_bad_parts_are_dead_lettered_one_by_one_and_good_parts_handled(
    nats_server: NatsServer, peer: Peer
) -> None:
    handler = Handler()
    async with consuming(nats_server, handler):
        await peer.publish(b"[1]", b'[2, "x", 3, null]', b"not json", b"")
        await until(peer.settled)
        dead = await peer.dead()
    assert sorted(handler.numbers) == [1, 2, 3]
    assert [message.data for message in dead] == [b'"x"', b"null", b"not json", b""]
    assert {message.subject for message in dead} == {"dead.usage.recorded.v1"}
    first = dead[0].headers or {}
    assert first[dead_letters.REASON_HEADER] == "no integer"
    assert first[dead_letters.SUBJECT_HEADER] == SUBJECT
    assert first[dead_letters.STREAM_HEADER] == subjects.USAGE_STREAM
    assert first[dead_letters.SEQUENCE_HEADER] == "2"
    assert first[dead_letters.PART_HEADER] == "1"
    assert (dead[2].headers or {})[dead_letters.PART_HEADER] == "all"


async def test_a_body_of_the_largest_size_is_dead_lettered_cut(nats_server: NatsServer, peer: Peer) -> None:
    handler = Handler()
    async with consuming(nats_server, handler):
        await peer.publish(b"\xff" * 1024 * 1024, b"[1]")
        await until(peer.settled)
        (dead,) = await peer.dead()
    assert handler.numbers == [1]
    assert (dead.headers or {})[dead_letters.CUT_FROM_HEADER] == str(1024 * 1024)
    assert len(dead.data) > 1000 * 1024


async def test_a_publishers_status_header_is_not_taken_for_the_servers(nats_server: NatsServer, peer: Peer) -> None:
    handler = Handler()
    async with consuming(nats_server, handler):
        await peer.publish(b"[1]", headers={"Status": "503", "Description": "Consumer Deleted"})
        await until(peer.settled)
    assert handler.numbers == [1]


async def test_a_transient_failure_is_retried_for_ever_and_never_dead_lettered(
    nats_server: NatsServer, peer: Peer
) -> None:
    attempts = 0

    def away(_numbers: Sequence[int]) -> None:
        nonlocal attempts
        attempts += 1
        if attempts <= 4:
            raise TransientError("the database is away")

    handler = Handler(away)
    async with consuming(nats_server, handler):
        await peer.publish(b"[1]", b"[2]", b"[3]")
        await until(peer.settled, seconds=30)
        assert await peer.dead() == []
    assert sorted(handler.numbers) == [1, 2, 3]


async def test_a_refused_item_is_found_among_many_and_alone_dead_lettered(nats_server: NatsServer, peer: Peer) -> None:
    def refuse(numbers: Sequence[int]) -> None:
        if {13, 77} & set(numbers):
            raise PermanentError("unlucky")

    await peer.publish(*(msgspec.json.encode(list(range(n, n + 10))) for n in range(0, 100, 10)))
    handler = Handler(refuse)
    async with consuming(nats_server, handler):
        await until(peer.settled)
        dead = await peer.dead()
    assert sorted(handler.numbers) == [n for n in range(100) if n not in {13, 77}]
    assert [message.data for message in dead] == [b"13", b"77"]
    assert [(message.headers or {})[dead_letters.REASON_HEADER] for message in dead] == ["unlucky", "unlucky"]
    assert [(message.headers or {})[dead_letters.PART_HEADER] for message in dead] == ["3", "7"]


async def test_a_defect_holds_back_only_its_own_message_and_loses_nothing(nats_server: NatsServer, peer: Peer) -> None:
    def stumble(numbers: Sequence[int]) -> None:
        if 7 in numbers:
            raise KeyError("a defect of ours")

    handler = Handler(stumble)
    async with consuming(nats_server, handler):
        await peer.publish(*(msgspec.json.encode([n]) for n in range(20)))
        await until(lambda: len(handler.numbers) >= 19)
        await asyncio.sleep(1)
        assert not await peer.settled()
        assert await peer.dead() == []
        assert sorted(handler.numbers) == [n for n in range(20) if n != 7]
        handler.fault = None  # the corrected version is deployed
        await until(peer.settled)
    assert sorted(handler.numbers) == list(range(20))


async def test_a_defect_of_the_decoder_is_dead_lettered(nats_server: NatsServer, peer: Peer) -> None:
    def decode(body: bytes) -> Decoded[int]:
        if body == b"[2]":
            raise KeyError("a defect of ours")
        return decode_numbers(body)

    handler = Handler()
    async with consuming(nats_server, handler, decode=decode):
        await peer.publish(b"[1]", b"[2]", b"[3]")
        await until(peer.settled)
        (dead,) = await peer.dead()
    assert sorted(handler.numbers) == [1, 3]
    assert dead.data == b"[2]"


async def test_a_long_transaction_is_not_delivered_to_somebody_else(nats_server: NatsServer, peer: Peer) -> None:
    class Slow(Handler):
        async def __call__(self, numbers: Sequence[int]) -> None:
            await asyncio.sleep(3)
            await super().__call__(numbers)

    slow, other = Slow(), Handler()
    async with consuming(nats_server, slow, ack_wait=1) as consumer:
        await until(lambda: consumer.is_bound)
        await peer.publish(b"[1]")
        await asyncio.sleep(0.3)
        async with consuming(nats_server, other, ack_wait=1):
            await until(peer.settled)
    assert slow.numbers == [1]
    assert other.numbers == []


async def test_the_originals_wait_until_their_dead_letters_can_be_stored(nats_server: NatsServer, peer: Peer) -> None:
    handler = Handler()
    async with consuming(nats_server, handler) as consumer:
        await until(lambda: consumer.is_bound)
        await peer.jetstream.delete_stream(subjects.DEAD_LETTER_STREAM)
        await peer.publish(b'["x", 1]')
        await until(peer.settled)  # the consumer made the stream again
        (dead,) = await peer.dead()
    assert dead.data == b'"x"'
    assert set(handler.numbers) == {1}


async def test_a_missing_consumer_and_a_missing_stream_are_made_again(nats_server: NatsServer, peer: Peer) -> None:
    handler = Handler()
    async with consuming(nats_server, handler) as consumer:
        await peer.publish(b"[1]")
        await until(peer.settled)
        await peer.jetstream.delete_consumer(subjects.USAGE_STREAM, DURABLE)
        await peer.publish(b"[2]")
        await until(lambda: len(handler.numbers) >= 2)
        await peer.jetstream.delete_stream(subjects.USAGE_STREAM)

        async def exists_again() -> bool:
            try:
                await peer.jetstream.consumer_info(subjects.USAGE_STREAM, DURABLE)
            except NotFoundError:
                return False
            return True

        await until(exists_again)
        await until(lambda: consumer.is_bound)
        await peer.publish(b"[3]")
        await until(peer.settled)
    assert handler.numbers == [1, 2, 3]


async def test_what_is_settled_takes_no_room_and_what_is_not_stays(nats_server: NatsServer, peer: Peer) -> None:
    """Otherwise the stream's budget would be spent by events that the ledger has long had."""

    def away(numbers: Sequence[int]) -> None:
        if 3 in numbers:
            raise ValueError("not now")

    async with consuming(nats_server, Handler(away)):
        await peer.publish(b"[1]", b"[2]", b"[3]", b"nonsense")

        async def one_is_left() -> bool:
            return (await peer.jetstream.stream_info(subjects.USAGE_STREAM)).state.messages == 1

        await until(one_is_left)
    assert (await peer.jetstream.get_last_msg(subjects.USAGE_STREAM, SUBJECT)).data == b"[3]"


async def test_a_killed_server_is_waited_for(nats_server: NatsServer, peer: Peer) -> None:
    handler = Handler()
    async with consuming(nats_server, handler) as consumer:
        await peer.publish(*(msgspec.json.encode([n]) for n in range(50)))
        await until(lambda: len(handler.numbers) >= 10)
        nats_server.kill()
        await asyncio.sleep(1.5)
        nats_server.start()
        await until(lambda: consumer.is_bound)

        async def published() -> bool:
            try:
                await peer.publish(b"[50]")
            except (nats.errors.Error, OSError):
                return False
            return True

        await until(published)
        await until(peer.settled)
    assert set(handler.numbers) == set(range(51))


async def test_stopping_ends_with_the_batch_in_hand_acknowledged(nats_server: NatsServer, peer: Peer) -> None:
    begun = asyncio.Event()

    class Slow(Handler):
        async def __call__(self, numbers: Sequence[int]) -> None:
            begun.set()
            await asyncio.sleep(0.5)
            await super().__call__(numbers)

    handler = Slow()
    await peer.publish(b"[1]", b"[2]")
    async with consuming(nats_server, handler, bounds=BatchBounds(messages=1)) as consumer:
        await begun.wait()
        await consumer.stop(timeout=5)
        assert handler.numbers == [1]
        info = await peer.jetstream.consumer_info(subjects.USAGE_STREAM, DURABLE)
        assert (info.num_pending, info.num_ack_pending) == (1, 0)


async def test_two_consumers_share_the_work(nats_server: NatsServer, peer: Peer) -> None:
    one, two = Handler(), Handler()
    await peer.publish(*(msgspec.json.encode([n]) for n in range(400)))
    bounds = BatchBounds(messages=20)
    async with consuming(nats_server, one, bounds=bounds), consuming(nats_server, two, bounds=bounds):
        await until(peer.settled)
    assert sorted(one.numbers + two.numbers) == list(range(400))
    assert one.numbers
    assert two.numbers
