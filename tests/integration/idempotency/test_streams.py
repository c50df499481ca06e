"""Streams: followed as they are sent, and replayed later; and what becomes of them when their First is no more."""

import asyncio
import time

import pytest
from prometheus_client import REGISTRY
from tests.integration.idempotency.conftest import EVENT_STREAM, JSON_TYPE, MakeStore, is_first, replayed

from edge_proxy.idempotency.errors import ReplayInterrupted, ReplyTooLarge
from edge_proxy.idempotency.first import First
from edge_proxy.idempotency.replay import Replay
from edge_proxy.idempotency.scope import Scope
from edge_proxy.idempotency.store import IdempotencyStore

BODY = b'{"model":"m","stream":true}'
PIECES = [b"data: %d\n\n" % number for number in range(20)]


async def test_a_later_duplicate_is_given_the_whole_stream(store: IdempotencyStore, scope: Scope) -> None:
    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        first.begin(200, EVENT_STREAM)
        for piece in PIECES:
            first.piece(piece)
            await asyncio.sleep(0.005)
        await first.end()

    async with store.claim(scope, BODY) as replay:
        assert isinstance(replay, Replay)
        assert (replay.status, replay.content_type, replay.streamed) == (200, b"text/event-stream", True)
        assert replay.headers == [(b"idempotent-replayed", b"true")]
        assert b"".join([piece async for piece in replay.pieces()]) == b"".join(PIECES)


async def test_the_end_of_a_stream_that_never_began_lets_the_key_go(store: IdempotencyStore, scope: Scope) -> None:
    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        await first.end()

    async with asyncio.timeout(0.5):
        assert await is_first(store.claim(scope, BODY))


async def test_duplicates_follow_along_while_it_is_sent(make_store: MakeStore, scope: Scope) -> None:
    """Each piece is sent only after every follower, of which some came late, has seen the one before it."""
    replicas = [make_store() for _ in range(3)]
    sent = bytearray()
    seen = [bytearray() for _ in range(6)]

    async def follow(number: int) -> None:
        async with replicas[number % 3].claim(scope, BODY) as replay:
            assert isinstance(replay, Replay)
            async for piece in replay.pieces():
                seen[number].extend(piece)

    async with replicas[0].claim(scope, BODY) as first:
        assert isinstance(first, First)
        followers = [asyncio.create_task(follow(number)) for number in range(3)]
        first.begin(200, EVENT_STREAM)
        for number, piece in enumerate(PIECES):
            if number == 10:
                followers += [asyncio.create_task(follow(number)) for number in range(3, 6)]
            first.piece(piece)
            sent += piece
            async with asyncio.timeout(2):
                while any(seen[follower] != sent for follower in range(len(followers))):
                    await asyncio.sleep(0.002)
        await first.end()

    async with asyncio.timeout(1):
        await asyncio.gather(*followers)
    assert seen == [sent] * 6


async def test_sending_does_not_wait_for_redis_and_pieces_travel_together(
    store: IdempotencyStore, scope: Scope
) -> None:
    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        first.begin(200, EVENT_STREAM)
        for _ in range(5000):
            first.piece(b"data: x\n\n")
        await first.end()

    async with store.claim(scope, BODY) as replay:
        assert isinstance(replay, Replay)
        pieces = [piece async for piece in replay.pieces()]
    assert b"".join(pieces) == b"data: x\n\n" * 5000
    assert len(pieces) < 50


async def test_a_stream_that_grows_too_large_is_dropped_and_its_followers_are_told(
    make_store: MakeStore, scope: Scope
) -> None:
    store = make_store(max_reply_bytes=100)

    async def follow(seen: list[bytes]) -> None:
        async with store.claim(scope, BODY) as replay:
            assert isinstance(replay, Replay)
            async for piece in replay.pieces():
                seen.append(piece)

    seen: list[bytes] = []
    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        first.begin(200, EVENT_STREAM)
        first.piece(b"x" * 60)
        following = asyncio.create_task(follow(seen))
        while not seen:
            await asyncio.sleep(0.01)
        first.piece(b"x" * 60)
        with pytest.raises(ReplyTooLarge):
            await following
        with pytest.raises(ReplyTooLarge):
            await is_first(store.claim(scope, BODY))
        first.piece(b"x" * 60)
        await first.end()

    with pytest.raises(ReplyTooLarge):
        await is_first(store.claim(scope, BODY))


async def test_a_stream_that_fails_interrupts_its_followers_and_can_be_run_again(
    store: IdempotencyStore, scope: Scope
) -> None:
    async def follow() -> list[bytes]:
        async with store.claim(scope, BODY) as replay:
            assert isinstance(replay, Replay)
            started.set()
            return [piece async for piece in replay.pieces()]

    started = asyncio.Event()
    with pytest.raises(ConnectionError):
        async with store.claim(scope, BODY) as first:
            assert isinstance(first, First)
            following = asyncio.create_task(follow())
            first.begin(200, EVENT_STREAM)
            first.piece(PIECES[0])
            await started.wait()
            raise ConnectionError
    with pytest.raises(ReplayInterrupted):
        await following

    async with store.claim(scope, BODY) as second:
        assert isinstance(second, First)
        await second.record(200, JSON_TYPE, b"the second answer")
    assert await replayed(store.claim(scope, BODY)) == b"the second answer"


async def test_the_lease_of_a_long_call_is_renewed(make_store: MakeStore, scope: Scope) -> None:
    store = make_store(lease=0.4)
    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        waiting = asyncio.create_task(replayed(store.claim(scope, BODY)))
        await asyncio.sleep(1.5)
        assert not waiting.done()
        await first.record(200, JSON_TYPE, b"the answer")

    assert await waiting == b"the answer"


async def test_a_first_that_lost_its_lease_does_not_write_over_its_successor(
    make_store: MakeStore, scope: Scope
) -> None:
    store = make_store(lease=0.3)
    async with store.claim(scope, BODY) as slow:
        assert isinstance(slow, First)
        slow.begin(200, EVENT_STREAM)
        slow.piece(b"of the slow one")
        await asyncio.sleep(0.05)
        time.sleep(0.5)  # noqa: ASYNC251 - the whole edge hangs
        async with store.claim(scope, BODY) as successor:
            assert isinstance(successor, First)
            before = _lost_leases()
            slow.piece(b"more of the slow one")
            await slow.end()
            assert _lost_leases() == before + 1
            await successor.record(200, JSON_TYPE, b"of its successor")

    assert await replayed(store.claim(scope, BODY)) == b"of its successor"


def _lost_leases() -> float:
    return REGISTRY.get_sample_value("omg_edge_idempotency_lost_total", {"reason": "lease_lost"}) or 0.0
