"""Whole answers: who runs, who is given the answer of the one that ran, and for how long."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis
from tests.integration.idempotency.conftest import (
    JSON_TYPE,
    KEY_HASH_SECRET,
    MakeStore,
    is_first,
    record,
    replayed,
)

from edge_proxy.errors import EdgeError
from edge_proxy.idempotency.errors import IdempotencyKeyReused, ReplyLost, ReplyTooLarge, TooManyDuplicates
from edge_proxy.idempotency.first import First
from edge_proxy.idempotency.replay import Replay
from edge_proxy.idempotency.scope import Scope
from edge_proxy.idempotency.scripts import lock_key
from edge_proxy.idempotency.sealing import Secrets
from edge_proxy.idempotency.store import IdempotencyStore

BODY = b'{"model":"m"}'


class Refused(EdgeError):
    """As a limit would."""


async def test_a_later_duplicate_is_given_the_same_answer(store: IdempotencyStore, scope: Scope) -> None:
    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        headers = [(b"content-type", b"text/plain"), (b"x-omg-route", b"rt_1"), (b"x-request-id", b"req_1")]
        await first.record(201, headers, b'{"answer":1}')

    async with store.claim(scope, BODY) as replay:
        assert isinstance(replay, Replay)
        assert (replay.status, replay.streamed, await replay.body()) == (201, False, b'{"answer":1}')
        assert replay.content_type == b"text/plain"
        assert replay.headers == [(b"x-omg-route", b"rt_1"), (b"idempotent-replayed", b"true")]


async def test_of_fifty_at_once_one_runs_and_the_others_are_given_its_answer(
    make_store: MakeStore, scope: Scope
) -> None:
    replicas = [make_store() for _ in range(4)]
    ran = 0

    async def call(number: int) -> bytes:
        nonlocal ran
        async with replicas[number % 4].claim(scope, BODY) as claim:
            if isinstance(claim, Replay):
                return await claim.body()
            ran += 1
            await asyncio.sleep(0.3)
            await claim.record(200, JSON_TYPE, b"the answer")
            return b"the answer"

    answers = await asyncio.gather(*(call(number) for number in range(50)))

    assert answers == [b"the answer"] * 50
    assert ran == 1


@pytest.mark.parametrize("field", ["tenant_id", "key_id", "path", "key"])
async def test_another_tenant_key_path_or_idempotency_key_is_another_call(
    store: IdempotencyStore, scope: Scope, field: str
) -> None:
    fields = {name: getattr(scope, name) for name in Scope.__struct_fields__}
    await record(store.claim(scope, BODY), b"the answer")

    assert await is_first(store.claim(Scope(**fields | {field: fields[field] + "x"}), BODY))


async def test_the_same_key_with_another_body_is_refused_while_the_first_runs_and_later(
    store: IdempotencyStore, scope: Scope
) -> None:
    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        with pytest.raises(IdempotencyKeyReused) as refused:
            await is_first(store.claim(scope, BODY + b" "))
        await first.record(200, JSON_TYPE, b"the answer")
    with pytest.raises(IdempotencyKeyReused):
        await is_first(store.claim(scope, b""))

    assert (refused.value.http_status, refused.value.code) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_failure_to_be_tried_again_is_not_kept(store: IdempotencyStore, scope: Scope, status: int) -> None:
    await record(store.claim(scope, BODY), b"the failure", status=status)

    assert await is_first(store.claim(scope, BODY))


async def test_a_providers_refusal_of_the_request_is_kept(store: IdempotencyStore, scope: Scope) -> None:
    await record(store.claim(scope, BODY), b"no such parameter", status=400)

    async with store.claim(scope, BODY) as replay:
        assert isinstance(replay, Replay)
        assert (replay.status, await replay.body()) == (400, b"no such parameter")


async def test_an_error_lets_the_key_go_and_one_that_waited_runs_at_once(store: IdempotencyStore, scope: Scope) -> None:
    async def wait() -> bool:
        return await is_first(store.claim(scope, BODY))

    with pytest.raises(EdgeError, match="over the limit"):
        async with store.claim(scope, BODY):
            waiting = asyncio.create_task(wait())
            await asyncio.sleep(0.2)
            assert not waiting.done()
            raise EdgeError("over the limit")

    async with asyncio.timeout(0.5):
        assert await waiting


async def test_a_cancelled_first_lets_the_key_go(store: IdempotencyStore, scope: Scope) -> None:
    entered = asyncio.Event()

    async def run_for_ever() -> None:
        async with store.claim(scope, BODY):
            entered.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(run_for_ever())
    await entered.wait()
    running.cancel()
    await asyncio.wait((running,))

    assert running.cancelled()
    async with asyncio.timeout(0.5):
        assert await is_first(store.claim(scope, BODY))


async def test_a_herd_of_duplicates_does_not_open_a_connection_each(
    make_store: MakeStore, scope: Scope, redis_url: str
) -> None:
    store = make_store(away="closed")
    async with Redis.from_url(redis_url) as redis, store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        before = len(await redis.client_list())
        herd = [asyncio.create_task(replayed(store.claim(scope, BODY))) for _ in range(500)]
        await asyncio.sleep(1)
        opened = len(await redis.client_list()) - before
        await first.record(200, JSON_TYPE, b"the answer")
        async with asyncio.timeout(2):
            assert await asyncio.gather(*herd) == [b"the answer"] * 500

    assert opened < 50


async def test_whatever_becomes_of_calls_one_runs_at_a_time_and_none_after_an_answer(
    make_store: MakeStore, scope: Scope
) -> None:
    """Many calls on few keys, from several replicas; they answer, fail, stream, or are cancelled somewhere."""
    replicas = [make_store() for _ in range(4)]
    chance = random.Random(20)
    running = dict.fromkeys(range(12), 0)
    answered: dict[int, bytes] = {}
    outcomes: Counter[str] = Counter()
    begun = set()

    async def run(first: First, key: int) -> str:
        assert key not in answered
        running[key] += 1
        assert running[key] == 1
        try:
            await asyncio.sleep(chance.random() * 0.02)
            if chance.random() < 0.6:
                raise Refused("refused")
            answer = b"answer %d " % chance.randrange(10**9)
            answered[key] = answer * 3
            if chance.random() < 0.5:
                await first.record(200, JSON_TYPE, answer * 3)
                return "recorded"
            first.begin(200, [])
            for _ in range(3):
                first.piece(answer)
                await asyncio.sleep(0)
            await first.end()
            return "streamed"
        finally:
            running[key] -= 1

    async def call(number: int) -> None:
        key = number % 12
        try:
            claimed = Scope("tnt_1", "key_1", f"/{key}", scope.key)
            async with replicas[chance.randrange(4)].claim(claimed, BODY) as claim:
                if isinstance(claim, First):
                    begun.add(number)
                    outcomes[await run(claim, key)] += 1
                else:
                    assert await claim.body() == answered[key]
                    outcomes["replayed"] += 1
        except Refused:
            outcomes["refused"] += 1

    calls = [asyncio.create_task(call(number)) for number in range(600)]
    await asyncio.sleep(0.05)
    for number in range(0, 600, 7):
        if number not in begun:  # a First that is cancelled is looked at below
            calls[number].cancel()
    async with asyncio.timeout(30):
        results = await asyncio.gather(*calls, return_exceptions=True)

    assert {type(result) for result in results} <= {type(None), asyncio.CancelledError}
    assert len(answered) == 12 == outcomes["recorded"] + outcomes["streamed"]
    assert outcomes["replayed"] > 300
    assert outcomes["refused"] > 0


async def test_whenever_a_call_is_cancelled_the_key_is_free_or_its_answer_kept(
    store: IdempotencyStore, scope: Scope
) -> None:
    await store.ping()
    kept = 0

    async def run(claimed: Scope) -> None:
        async with store.claim(claimed, BODY) as first:
            assert isinstance(first, First)
            await first.record(200, JSON_TYPE, b"the answer")

    for ticks in range(40):
        claimed = Scope("tnt_1", "key_1", f"/{ticks}", scope.key)
        running = asyncio.create_task(run(claimed))
        for _ in range(ticks):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait((running,))
        async with asyncio.timeout(1), store.claim(claimed, BODY) as claim:
            if isinstance(claim, Replay):
                assert await claim.body() == b"the answer"
                kept += 1

    assert 0 < kept < 40


async def test_a_duplicate_can_be_cancelled_while_it_waits(store: IdempotencyStore, scope: Scope) -> None:
    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        for ticks in range(0, 40, 3):
            waiting = asyncio.create_task(replayed(store.claim(scope, BODY)))
            for _ in range(ticks):
                await asyncio.sleep(0)
            waiting.cancel()
            async with asyncio.timeout(0.5):
                await asyncio.wait((waiting,))
            assert waiting.cancelled()
        await first.record(200, JSON_TYPE, b"the answer")

    assert await replayed(store.claim(scope, BODY)) == b"the answer"


async def test_an_answer_whose_recording_is_cancelled_is_kept(store: IdempotencyStore, scope: Scope) -> None:
    """It was paid for."""
    recording = asyncio.Event()

    async def run() -> None:
        async with store.claim(scope, BODY) as first:
            assert isinstance(first, First)
            recording.set()
            await first.record(200, JSON_TYPE, b"the answer")

    running = asyncio.create_task(run())
    await recording.wait()
    running.cancel()  # it waits for Redis by now
    await asyncio.wait((running,))

    assert running.cancelled()
    assert await replayed(store.claim(scope, BODY)) == b"the answer"


async def test_an_answer_of_no_bytes_is_an_answer(store: IdempotencyStore, scope: Scope) -> None:
    await record(store.claim(scope, BODY), b"")

    assert await replayed(store.claim(scope, BODY)) == b""


async def test_an_answer_as_large_as_allowed_is_kept_and_one_byte_more_is_not(
    make_store: MakeStore, scope: Scope
) -> None:
    store = make_store(max_reply_bytes=1000)
    other = Scope("tnt_1", "key_1", "/v1/embeddings", scope.key)
    await record(store.claim(scope, BODY), b"x" * 1000)
    await record(store.claim(other, BODY), b"x" * 1001)

    assert await replayed(store.claim(scope, BODY)) == b"x" * 1000
    with pytest.raises(ReplyTooLarge) as refused:
        await is_first(store.claim(other, BODY))
    assert (refused.value.http_status, refused.value.code) == (409, "idempotent_reply_too_large")


async def test_who_waits_for_an_answer_that_is_too_large_is_told_too(make_store: MakeStore, scope: Scope) -> None:
    store = make_store(max_reply_bytes=10)
    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        waiting = asyncio.create_task(is_first(store.claim(scope, BODY)))
        await asyncio.sleep(0.1)
        await first.record(200, JSON_TYPE, b"x" * 11)

    with pytest.raises(ReplyTooLarge):
        await waiting


async def test_after_the_ttl_the_key_is_new(make_store: MakeStore, scope: Scope) -> None:
    store = make_store(ttl=0.5)
    await record(store.claim(scope, BODY), b"the answer")
    assert await replayed(store.claim(scope, BODY)) == b"the answer"

    await asyncio.sleep(0.6)

    assert await is_first(store.claim(scope, b"another body"))


async def test_everything_in_redis_expires_and_nothing_can_be_read_there(
    store: IdempotencyStore, scope: Scope, redis_url: str
) -> None:
    await record(store.claim(scope, b"a secret question"), b"a secret answer")
    name = Secrets(KEY_HASH_SECRET).name(scope)
    async with Redis.from_url(redis_url) as redis:
        lock, stream = sorted([key async for key in redis.scan_iter(f"omg:idempotency:{{{name}}}*")])
        lives = [await redis.pttl(lock), await redis.pttl(stream)]
        stored = repr((lock, stream, await redis.hgetall(lock), await redis.xrange(stream)))

    assert all(24 * 3600 * 1000 - 60_000 < life <= 24 * 3600 * 1000 + 5000 for life in lives)
    assert lives[0] < lives[1]
    assert not any(text in stored for text in ("secret", scope.key, "tnt_1", "key_1", "chat"))


async def test_an_answer_that_redis_evicted_is_reported_and_not_run_again(
    store: IdempotencyStore, scope: Scope, redis_url: str
) -> None:
    await record(store.claim(scope, BODY), b"the answer")
    name = Secrets(KEY_HASH_SECRET).name(scope)
    async with Redis.from_url(redis_url) as redis:
        async for key in redis.scan_iter(f"{lock_key(name)}:*"):
            await redis.delete(key)

    with pytest.raises(ReplyLost) as lost:
        await is_first(store.claim(scope, BODY))

    assert lost.value.http_status == 409


async def test_no_more_than_so_many_wait(make_store: MakeStore, scope: Scope) -> None:
    store = make_store(max_waiting=2)
    async with store.claim(scope, BODY) as first:
        assert isinstance(first, First)
        waiting = [asyncio.create_task(replayed(store.claim(scope, BODY))) for _ in range(2)]
        await asyncio.sleep(0.2)
        with pytest.raises(TooManyDuplicates):
            await is_first(store.claim(scope, BODY))
        await first.record(200, JSON_TYPE, b"the answer")

    assert await asyncio.gather(*waiting) == [b"the answer"] * 2
    assert await replayed(store.claim(scope, BODY)) == b"the answer"


async def test_a_burst_of_calls_does_not_pass_for_an_outage(make_store: MakeStore, scope: Scope) -> None:
    store = make_store(away="closed")

    async def call(number: int) -> None:
        await record(store.claim(Scope("tnt_1", "key_1", f"/{number}", scope.key), BODY), b"the answer")

    await asyncio.gather(*(call(number) for number in range(2000)))


async def test_scripts_that_redis_forgot_are_sent_again(store: IdempotencyStore, scope: Scope, redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        client: Any = redis
        await client.script_flush()
        async with store.claim(scope, BODY) as first:
            assert isinstance(first, First)
            await client.script_flush()
            await first.record(200, JSON_TYPE, b"the answer")

    assert await replayed(store.claim(scope, BODY)) == b"the answer"
