"""The scripts on a real Valkey, beside the plain rules, and under several replicas at once."""

import asyncio
import multiprocessing
import secrets
import time
from collections import Counter
from multiprocessing.pool import AsyncResult
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.servers.valkey import ValkeyServer
from edge_proxy.limits.claims import Granted, Limit, LimitStoreUnavailable, Refused
from edge_proxy.limits.limiter import Limiter
from edge_proxy.limits.local import LEASE_MS, PIECE_MS, PIECES, LocalLimits
from edge_proxy.limits.store import RedisLimits

START = 1_800_000_000_123

steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(0, 60)),
        st.tuples(st.just("settle"), st.integers(0, 80)),
        st.tuples(st.just("give back"), st.just(0)),
        st.tuples(st.just("renew"), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([1, 499, 500, 7_000, 29_999, 30_000, 60_000, 60_500, 200_000])),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, requests=st.integers(0, 3), tokens=st.integers(0, 120), parallel=st.integers(0, 3))
async def test_scripts_and_plain_rules_agree_whatever_happens(
    redis_url: str, steps: list[tuple[str, int]], requests: int, tokens: int, parallel: int
) -> None:
    name = secrets.token_hex(8)
    limits = (
        Limit(f"{name}:requests", "requests", requests),
        Limit(f"{name}:tokens", "tokens", tokens),
        Limit(f"{name}:parallel", "parallel", parallel),
    )
    store, model, now = RedisLimits(redis_url), LocalLimits(), START
    running: list[tuple[Granted, Granted]] = []
    for number, (step, value) in enumerate(steps):
        if step == "wait":
            now += value
        elif step == "reserve":
            found = await store.reserve(f"call-{number}", limits, tokens=value, now=now)
            expected = model.reserve(f"call-{number}", limits, tokens=value, now=now)
            assert type(found) is type(expected)
            assert found.rooms == expected.rooms
            if isinstance(found, Refused) and isinstance(expected, Refused):
                assert (found.limit, found.retry_after_s) == (expected.limit, expected.retry_after_s)
            elif isinstance(found, Granted) and isinstance(expected, Granted):
                running.append((found, expected))
        elif running:
            ours, theirs = running.pop(0)
            if step == "renew":
                store.renew([ours], now=now)
                model.renew(theirs, now=now)
                running.append((ours, theirs))
            else:
                used = value if step == "settle" else None
                store.settle(ours, tokens=used, now=now)
                model.settle(theirs, tokens=used, now=now)
    await store.close()


async def test_a_refused_call_uses_nothing_of_any_limit(store: RedisLimits) -> None:
    wide, narrow = Limit("wide", "requests", 10), Limit("narrow", "requests", 1)
    assert isinstance(await store.reserve("1", (wide, narrow), tokens=0), Granted)
    for number in range(5):
        found = await store.reserve(f"{number}", (wide, narrow), tokens=0)
        assert isinstance(found, Refused)
        assert found.limit == narrow
    found = await store.reserve("x", (wide,), tokens=0)
    assert found.rooms[0].remaining == 8


async def test_a_call_counts_until_the_window_has_left_it_to_the_millisecond(store: RedisLimits) -> None:
    limit = (Limit("w", "requests", 1),)
    free_at = (START // PIECE_MS + PIECES) * PIECE_MS
    assert free_at - START > 60_000
    assert isinstance(await store.reserve("1", limit, tokens=0, now=START), Granted)
    late = await store.reserve("2", limit, tokens=0, now=free_at - 1)
    assert isinstance(late, Refused)
    assert late.retry_after_s == 0.001
    assert isinstance(await store.reserve("2", limit, tokens=0, now=free_at), Granted)


async def test_a_place_that_is_not_renewed_is_free_again(store: RedisLimits) -> None:
    limit = (Limit("p", "parallel", 1),)
    lost = await store.reserve("lost", limit, tokens=0, now=START)
    assert isinstance(lost, Granted)
    assert isinstance(await store.reserve("next", limit, tokens=0, now=START + LEASE_MS - 1), Refused)
    store.renew([lost], now=START + LEASE_MS - 1)
    await asyncio.sleep(0.05)
    assert isinstance(await store.reserve("next", limit, tokens=0, now=START + LEASE_MS), Refused)
    assert isinstance(await store.reserve("next", limit, tokens=0, now=START + 2 * LEASE_MS), Granted)


async def test_scripts_that_redis_has_forgotten_are_loaded_again(store: RedisLimits, redis_url: str) -> None:
    limit = (Limit("x", "requests", 100),)
    for number in range(3):
        with redis.Redis.from_url(redis_url) as client:
            client.script_flush()
        found = await asyncio.gather(*(store.reserve(f"{number}-{each}", limit, tokens=0) for each in range(10)))
        assert {type(each) for each in found} == {Granted}
    found_last = await store.reserve("last", limit, tokens=0)
    assert found_last.rooms[0].remaining == 69


async def test_calls_of_one_tick_share_a_round_trip(store: RedisLimits, redis_url: str) -> None:
    limit = (Limit("x", "requests", 1000),)
    await store.reserve("first", limit, tokens=0)
    with redis.Redis.from_url(redis_url) as client:
        before = client.info("stats")["total_reads_processed"]
        await asyncio.gather(*(store.reserve(str(each), limit, tokens=0) for each in range(100)))
        assert client.info("stats")["total_reads_processed"] - before <= 4  # ours, and those that ask


def _hammer(url: str, calls: int, limit: int) -> list[int]:
    """One replica: the pieces in which it was granted something."""

    async def run() -> list[int]:
        store = RedisLimits(url)
        limits = (Limit("shared:requests", "requests", limit), Limit("shared:tokens", "tokens", 10 * limit))
        granted: list[int] = []
        for batch in range(calls // 100):
            names = (f"{url}{batch}-{each}" for each in range(100))
            found = await asyncio.gather(*(store.reserve(name, limits, tokens=10) for name in names))
            granted += [each.piece for each in found if isinstance(each, Granted)]
        await store.close()
        return granted

    return asyncio.run(run())


def test_four_replicas_together_grant_exactly_the_limit(redis_url: str) -> None:
    limit, calls = 50_000, 25_000
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        began = time.monotonic()
        results: list[AsyncResult[list[int]]] = [pool.apply_async(_hammer, (redis_url, calls, limit)) for _ in range(4)]
        granted = Counter(piece for result in results for piece in result.get(timeout=100))
        seconds = time.monotonic() - began
    assert seconds < 60, "longer than the window: the count below would mean nothing"
    assert max(granted) - min(granted) < 60_000 / PIECE_MS
    assert granted.total() == limit  # of 100,000 calls: none over, none left out


async def test_a_limiter_without_redis_keeps_to_its_share_and_finds_redis_again(tmp_path: Any) -> None:
    limits = (Limit("x", "requests", 8),)
    with ValkeyServer(tmp_path / "valkey") as valkey:
        limiter = Limiter(RedisLimits(valkey.url), without_redis="local", replicas=4)
        closed = Limiter(RedisLimits(valkey.url), without_redis="closed", replicas=4)
        running = asyncio.create_task(limiter.run())
        assert isinstance(await limiter.reserve("1", limits, tokens=0), Granted)
        valkey.kill()
        found = [await limiter.reserve(f"away-{each}", limits, tokens=0) for each in range(4)]
        assert [type(each) for each in found] == [Granted, Granted, Refused, Refused]
        with pytest.raises(Exception, match="cannot count"):
            await closed.reserve("1", limits, tokens=0)
        valkey.start()
        async with asyncio.timeout(10):
            while True:
                back = await limiter.reserve("back", limits, tokens=0)
                if isinstance(back, Granted) and not back.local:
                    break
                await asyncio.sleep(0.1)
        running.cancel()
        await limiter.close()
        await closed.close()


async def test_a_store_without_redis_says_so_at_once() -> None:
    store = RedisLimits("redis://127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(LimitStoreUnavailable):
        await store.reserve("1", (Limit("x", "requests", 1),), tokens=0)
    assert time.monotonic() - began < 2
    await store.close()
