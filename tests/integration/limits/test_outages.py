"""Redis killed, hung, and back again, under load: what is served meanwhile, and what is right afterwards."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import psutil
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from tests.integration.limits.conftest import MakeStore, budget, granted, refused, requests, slot, soon, tokens

from common.limits.keys import limit_key
from devstack.servers.valkey import ValkeyServer
from edge_proxy.limits.fallback import AwayPolicy, FallbackLimitStore
from edge_proxy.limits.local import LocalLimitStore
from edge_proxy.limits.port import Granted, LimitStoreUnavailable
from edge_proxy.limits.redis import RedisLimitStore

MakeFallback = Callable[..., Awaitable[FallbackLimitStore]]


@pytest.fixture
async def make_fallback(own_server: ValkeyServer) -> AsyncIterator[MakeFallback]:
    running: list[asyncio.Task[None]] = []

    async def make(policy: AwayPolicy, *, timeout_s: float = 0.25) -> FallbackLimitStore:
        redis = RedisLimitStore(own_server.url, timeout_s=timeout_s)
        store = FallbackLimitStore(redis, LocalLimitStore(replicas=4), policy=policy)
        running.append(asyncio.create_task(store.run()))
        async with asyncio.timeout(10):
            await store.connected()
        return store

    yield make
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def is_away(expected: bool) -> None:
    async def seen() -> bool:
        return sample("omg_edge_limit_store_away") == float(expected)

    await soon(seen)


def hang(server: ValkeyServer) -> psutil.Process:
    """SIGSTOP: it accepts connections and says nothing."""
    (found,) = [
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (server.port,)
    ]
    assert found is not None
    os.kill(found, signal.SIGSTOP)
    return psutil.Process(found)


async def test_killed_and_restarted_under_load_every_call_is_answered_within_the_rules(
    make_fallback: MakeFallback, own_server: ValkeyServer, name: str
) -> None:
    store = await make_fallback("local", timeout_s=2)
    fallbacks = sample("omg_edge_limit_store_fallbacks_total", policy="local")
    slowest = 0.0
    stop = asyncio.Event()
    waves: list[tuple[float, int]] = []

    async def load() -> None:
        nonlocal slowest
        number = 0
        while not stop.is_set():
            number += 1
            began = time.monotonic()
            outcomes = await asyncio.gather(
                *[store.reserve(f"{number}-{n}", [requests(name, 4000), slot(name, 40)]) for n in range(20)]
            )
            slowest = max(slowest, time.monotonic() - began)
            passed = [outcome for outcome in outcomes if isinstance(outcome, Granted)]
            waves.append((time.monotonic(), len(passed)))
            for outcome in passed:
                store.settle(outcome.reservation, tokens=0, cost=0)
            await asyncio.sleep(0.01)

    loading = asyncio.create_task(load())
    await asyncio.sleep(0.5)
    own_server.kill()
    killed = time.monotonic()
    await is_away(True)
    await asyncio.sleep(1)
    served_locally = sum(passed for at, passed in waves if at > killed + 0.2)
    await asyncio.to_thread(own_server.start)
    await is_away(False)
    await asyncio.sleep(0.5)
    stop.set()
    await loading
    assert slowest < 1.9, "a broken connection is noticed at once, not by its timeout"
    assert 0 < served_locally <= 1000, "its share of 4000 in four replicas"
    assert sample("omg_edge_limit_store_fallbacks_total", policy="local") > fallbacks
    await store.drain(within=5)
    async with Redis.from_url(own_server.url) as client:
        assert await client.zcard(limit_key(f"{name}:parallel")) == 0  # no slot is left behind


async def test_a_hung_redis_costs_one_timeout_and_then_nothing(
    make_fallback: MakeFallback, own_server: ValkeyServer, name: str
) -> None:
    store = await make_fallback("local")
    granted(await store.reserve("warm", [requests(name, 400)]))
    process = hang(own_server)
    try:
        began = time.monotonic()
        granted(await store.reserve("first", [requests(name, 400)]))
        assert 0.2 < time.monotonic() - began < 1.5
        began = time.monotonic()
        for number in range(50):
            granted(await store.reserve(str(number), [requests(name, 400)]))
        assert time.monotonic() - began < 0.2
    finally:
        process.resume()
    await is_away(False)
    assert granted(await store.reserve("back", [requests(name, 400)])).states[0].limit == 400


async def test_what_was_reserved_without_anybody_hearing_of_it_is_given_back(
    make_fallback: MakeFallback, own_server: ValkeyServer, name: str
) -> None:
    """Redis goes on with what it was sent before it hung."""
    store = await make_fallback("local")
    pilot = budget(name, 10_000, 400)
    granted(await store.reserve("warm", [slot(name, 4)], [pilot]))
    process = hang(own_server)
    try:
        granted(await store.reserve("unheard", [slot(name, 4)], [pilot]))
    finally:
        process.resume()
    await is_away(False)
    async with Redis.from_url(own_server.url) as client:

        async def only_the_first_is_left() -> bool:
            return await client.zrange(limit_key(f"{name}:parallel"), 0, -1) == [b"warm"]

        await soon(only_the_first_is_left)
    last = granted(await store.reserve("last", [slot(name, 4)], [pilot]))
    assert [state.reserved for state in last.budgets] == [800]


async def test_closed_refuses_to_guess(make_fallback: MakeFallback, own_server: ValkeyServer, name: str) -> None:
    store = await make_fallback("closed")
    fallbacks = sample("omg_edge_limit_store_fallbacks_total", policy="closed")
    own_server.kill()
    await is_away(True)
    with pytest.raises(LimitStoreUnavailable):
        await store.reserve("1", [requests(name, 4)])
    assert sample("omg_edge_limit_store_fallbacks_total", policy="closed") == fallbacks + 1


async def test_ends_of_calls_are_told_when_redis_is_back(
    make_replica: MakeStore, own_server: ValkeyServer, name: str
) -> None:
    store = await make_replica(own_server.url)
    claims = [slot(name, 3), tokens(name, 1000, 100)]
    calls = [granted(await store.reserve(str(n), claims, [budget(name, 1000, 50)])) for n in range(3)]
    await asyncio.sleep(1.2)  # the append-only file is written once a second
    own_server.kill()

    async def noticed() -> bool:
        return not store.is_up

    await soon(noticed)
    store.settle(calls[0].reservation, tokens=40, cost=7)
    store.cancel(calls[1].reservation)
    await asyncio.to_thread(own_server.start)
    async with asyncio.timeout(10):
        await store.connected()
    await store.drain(within=5)
    look = granted(await store.reserve("look", [slot(name, 3), tokens(name, 1000, 0)], [budget(name, 1000, 0)]))
    assert [state.remaining for state in look.states] == [1, 860]
    assert (look.budgets[0].spent, look.budgets[0].reserved) == (7, 50)


async def test_an_end_that_may_have_arrived_gives_tokens_back_once_at_most(
    make_replica: MakeStore, own_server: ValkeyServer, name: str
) -> None:
    store = await make_replica(own_server.url, timeout_s=0.3)
    others = await make_replica(own_server.url, timeout_s=30)
    claims = [tokens(name, 1000, 100)]
    first, second = [granted(await store.reserve(n, claims, [budget(name, 1000, 50)])) for n in ("1", "2")]
    process = hang(own_server)
    store.settle(first.reservation, tokens=40, cost=7)

    async def lost() -> bool:
        return not store.is_up

    await soon(lost)  # Redis has the command, and has said nothing
    process.resume()
    async with asyncio.timeout(10):
        await store.connected()
    await store.drain(within=5)
    look = granted(await others.reserve("look", [tokens(name, 1000, 0)], [budget(name, 1000, 0)]))
    assert look.states[0].remaining == 1000 - 40 - 100
    assert (look.budgets[0].spent, look.budgets[0].reserved) == (7, 50)
    store.cancel(second.reservation)


async def test_an_error_of_redis_is_no_answer(make_replica: MakeStore, own_server: ValkeyServer, name: str) -> None:
    store = await make_replica(own_server.url)
    async with Redis.from_url(own_server.url) as client:
        await client.set(limit_key(f"{name}:requests"), "of another type")
        with pytest.raises(LimitStoreUnavailable, match="WRONGTYPE"):
            await store.reserve("1", [requests(name, 4)])
        await client.delete(limit_key(f"{name}:requests"))
        granted(await store.reserve("2", [requests(name, 1)]))
        refused(await store.reserve("3", [requests(name, 1)]))
        # To be made a replica is to become read-only: the connection is given up, another server may answer to the name.
        await client.replicaof("127.0.0.1", 1)
        with pytest.raises(LimitStoreUnavailable, match="READONLY"):
            await store.reserve("4", [requests(name, 9)])
        assert not store.is_up
        await client.replicaof("NO", "ONE")
        async with asyncio.timeout(10):
            await store.connected()
        granted(await store.reserve("5", [requests(name, 9)]))
