"""Killed while it mattered: the edge of a First, and Redis."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from tests.integration.idempotency import doomed
from tests.integration.idempotency.conftest import (
    EVENT_STREAM,
    JSON_TYPE,
    KEY_HASH_SECRET,
    MakeStore,
    is_first,
    record,
    replayed,
    soon,
)

from devstack.servers.valkey import ValkeyServer
from edge_proxy.idempotency.errors import IdempotencyUnavailable, ReplayInterrupted
from edge_proxy.idempotency.first import First
from edge_proxy.idempotency.link import RedisAway
from edge_proxy.idempotency.replay import Replay
from edge_proxy.idempotency.scope import Scope
from edge_proxy.idempotency.store import IdempotencyStore

BODY = b'{"model":"m"}'
Doom = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start_doomed(redis_url: str, scope: Scope) -> AsyncIterator[Doom]:
    """A First in a process of its own, with a lease of 1.5 s; it has sent `piece` when this returns."""
    started: list[asyncio.subprocess.Process] = []

    async def start(piece: str = "") -> asyncio.subprocess.Process:
        arguments = (redis_url, KEY_HASH_SECRET.hex(), scope.key, BODY.decode(), piece)
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(doomed.__file__), *arguments, stdout=asyncio.subprocess.PIPE
        )
        started.append(process)
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"running\n"
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """One of the test's own, to be killed."""
    with ValkeyServer(tmp_path / "valkey") as server:
        yield server


async def test_one_of_those_who_wait_for_a_dead_first_runs_and_the_others_get_its_answer(
    start_doomed: Doom, make_store: MakeStore, scope: Scope
) -> None:
    process = await start_doomed()
    replicas = [make_store() for _ in range(2)]
    ran = 0

    async def call(number: int) -> bytes:
        nonlocal ran
        async with replicas[number % 2].claim(scope, BODY) as claim:
            if isinstance(claim, Replay):
                return await claim.body()
            ran += 1
            await claim.record(200, JSON_TYPE, b"of the second")
            return b"of the second"

    calls = [asyncio.create_task(call(number)) for number in range(10)]
    await asyncio.sleep(2.5)
    assert not any(call.done() for call in calls)  # its lease is renewed as long as it lives
    process.kill()

    async with asyncio.timeout(1.5 + 1 + 1):
        assert await asyncio.gather(*calls) == [b"of the second"] * 10
    assert ran == 1


async def test_who_followed_a_dead_first_is_interrupted_and_comes_again(
    start_doomed: Doom, store: IdempotencyStore, scope: Scope
) -> None:
    process = await start_doomed("the beginning of an answer")
    seen = b""

    with pytest.raises(ReplayInterrupted):
        async with store.claim(scope, BODY) as replay:
            assert isinstance(replay, Replay)
            async for piece in replay.pieces():
                seen += piece
                process.kill()

    assert seen == b"the beginning of an answer"
    await record(store.claim(scope, BODY), b"of the second")
    assert await replayed(store.claim(scope, BODY)) == b"of the second"


async def test_without_redis_calls_are_served_or_refused_as_the_policy_says(
    valkey: ValkeyServer, make_store: MakeStore, scope: Scope
) -> None:
    opened, closed = make_store(valkey.url, away="open"), make_store(valkey.url, away="closed")
    await record(opened.claim(scope, BODY), b"the answer")
    assert await replayed(closed.claim(scope, BODY)) == b"the answer"
    before = {outcome: _claims(outcome) for outcome in ("unprotected", "unavailable")}
    valkey.kill()

    async with asyncio.timeout(1):
        await record(opened.claim(scope, BODY), b"another answer")
        with pytest.raises(IdempotencyUnavailable) as refused:
            await is_first(closed.claim(scope, BODY))
        with pytest.raises(RedisAway):
            await closed.ping()
    assert refused.value.http_status == 503
    assert {outcome: _claims(outcome) - number for outcome, number in before.items()} == {
        "unprotected": 1,
        "unavailable": 1,
    }
    assert REGISTRY.get_sample_value("omg_edge_idempotency_redis_away") == 1

    valkey.start()
    for store in (opened, closed):
        await soon(lambda store=store: _reaches_redis(store))  # type: ignore[misc]
        assert await replayed(store.claim(scope, BODY)) == b"the answer"


async def test_a_redis_that_hangs_costs_one_timeout_and_not_one_per_call(
    valkey: ValkeyServer, make_store: MakeStore, scope: Scope
) -> None:
    store = make_store(valkey.url, redis_timeout=0.3)
    await store.ping()
    loop = asyncio.get_running_loop()

    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        began = loop.time()
        for _ in range(20):
            await record(store.claim(scope, BODY), b"the answer")
        took = loop.time() - began
    finally:
        os.kill(valkey.pid, signal.SIGCONT)

    assert 0.3 <= took < 0.8


async def test_a_stream_survives_that_redis_is_killed_and_started_again_while_it_is_sent(
    valkey: ValkeyServer, make_store: MakeStore, scope: Scope
) -> None:
    store, other = make_store(valkey.url), make_store(valkey.url)
    pieces = [b"data: %d\n\n" % number for number in range(60)]

    async def follow() -> bytes:
        async with other.claim(scope, BODY) as replay:
            assert isinstance(replay, Replay)
            return await replay.body()

    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        first.begin(200, EVENT_STREAM)
        following = asyncio.create_task(follow())
        for number, piece in enumerate(pieces):
            if number == 20:
                await asyncio.sleep(1.2)  # Redis writes its file once a second: what came before is not lost with it
                valkey.kill()
            if number == 40:
                valkey.start()
            first.piece(piece)
            await asyncio.sleep(0.01)
        await soon(lambda: _reaches_redis(store))
        await first.end()

    assert await following == b"".join(pieces)
    assert await replayed(store.claim(scope, BODY)) == b"".join(pieces)


async def test_an_answer_given_while_redis_was_away_is_kept_once_it_is_back(
    valkey: ValkeyServer, make_store: MakeStore, scope: Scope
) -> None:
    store = make_store(valkey.url)
    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        await asyncio.sleep(1.2)  # Redis writes its file once a second
        valkey.kill()
        async with asyncio.timeout(1):
            await first.record(200, JSON_TYPE, b"the answer")
    valkey.start()
    await soon(lambda: _reaches_redis(store))

    async with asyncio.timeout(5):
        assert await replayed(make_store(valkey.url).claim(scope, BODY)) == b"the answer"


async def test_an_answer_that_redis_did_not_come_back_for_is_counted_as_lost(
    valkey: ValkeyServer, make_store: MakeStore, scope: Scope
) -> None:
    store = make_store(valkey.url, lease=0.6)
    before = _lost_answers()
    async with store.claim(scope, BODY) as first:
        valkey.kill()
        assert isinstance(first, First)
        await first.record(200, JSON_TYPE, b"the answer")

    async def lost() -> bool:
        return _lost_answers() == before + 1

    await soon(lost)


async def test_a_redis_killed_under_load_fails_no_call_and_makes_none_wait_long(
    valkey: ValkeyServer, make_store: MakeStore, scope: Scope
) -> None:
    replicas = [make_store(valkey.url) for _ in range(2)]
    slowest = 0.0
    stop = asyncio.Event()
    served = 0

    async def calls(client: int) -> None:
        nonlocal slowest, served
        loop = asyncio.get_running_loop()
        number = 0
        while not stop.is_set():
            number += 1
            call = Scope("tnt_1", "key_1", "/v1/chat/completions", f"{scope.key}-{client}-{number}")
            began = loop.time()
            await record(replicas[client % 2].claim(call, BODY), b"the answer")
            slowest = max(slowest, loop.time() - began)
            served += 1
            await asyncio.sleep(0.01)

    clients = [asyncio.create_task(calls(client)) for client in range(20)]
    await asyncio.sleep(1)
    valkey.kill()
    await asyncio.sleep(1)
    valkey.start()
    for store in replicas:
        await soon(lambda store=store: _reaches_redis(store))  # type: ignore[misc]
    await asyncio.sleep(0.5)
    stop.set()
    await asyncio.gather(*clients)

    assert served > 500
    assert slowest < 2
    await record(replicas[0].claim(scope, BODY), b"the answer")
    assert await replayed(replicas[1].claim(scope, BODY)) == b"the answer"


async def test_a_redis_that_was_never_there_does_not_keep_calls_from_being_served(
    make_store: MakeStore, scope: Scope
) -> None:
    store = make_store("redis://127.0.0.1:9/0")

    async with asyncio.timeout(5):
        assert await is_first(store.claim(scope, BODY))


def _claims(outcome: str) -> float:
    return REGISTRY.get_sample_value("omg_edge_idempotency_claims_total", {"outcome": outcome}) or 0.0


def _lost_answers() -> float:
    return REGISTRY.get_sample_value("omg_edge_idempotency_lost_total", {"reason": "redis_away"}) or 0.0


async def _reaches_redis(store: IdempotencyStore) -> bool:
    try:
        await store.ping()
    except RedisAway:
        return False
    return True
