"""What only a real server shows: forgotten scripts and data, cancelled calls, running out of time."""

import asyncio
import time

import pytest
from redis.asyncio import Redis
from tests.integration.limits.conftest import (
    PERIOD,
    MakeStore,
    budget,
    granted,
    refused,
    requests,
    slot,
    soon,
    tokens,
)

from common.limits.confirm import confirm
from common.limits.keys import budget_keys, limit_key
from edge_proxy.limits.port import Granted
from edge_proxy.limits.redis import RedisLimitStore

DAY_MS = 24 * 3600 * 1000


async def reserved(store: RedisLimitStore, name: str) -> int:
    look = await store.reserve("look", [], [budget(name, 0, 0, hard=False)])
    store.cancel(granted(look).reservation)
    return look.budgets[0].reserved


async def test_calls_of_one_tick_are_each_counted_once(make_replica: MakeStore, name: str) -> None:
    store = await make_replica()
    outcomes = await asyncio.gather(*[store.reserve(f"{name}{n}", [requests(name, 40)]) for n in range(100)])
    assert sum(isinstance(outcome, Granted) for outcome in outcomes) == 40
    assert [outcome.states[0].remaining for outcome in outcomes] == [*range(39, -1, -1), *[0] * 60]


async def test_states_and_waits_are_those_of_the_servers_time(make_replica: MakeStore, name: str) -> None:
    store = await make_replica()
    before = time.time()
    first = granted(await store.reserve("1", [tokens(name, 100, 80)]))
    assert before - 1 <= first.now_us / 1e6 <= time.time() + 1
    assert first.states[0].remaining == 20
    assert 60 <= first.states[0].reset_s <= 60.5
    wait = refused(await store.reserve("2", [tokens(name, 100, 21)])).retry_after_s
    assert wait == pytest.approx(first.states[0].reset_s, abs=0.5)
    assert refused(await store.reserve("3", [tokens(name, 100, 101)])).retry_after_s is None


async def test_forgotten_scripts_are_loaded_again_by_whoever_comes_first(
    make_replica: MakeStore, client: Redis, name: str
) -> None:
    store = await make_replica()
    held = granted(await store.reserve(name, [slot(name, 50), tokens(name, 1000, 100)], [budget(name, 1000, 10)]))
    await client.script_flush()
    outcomes = await asyncio.gather(*[store.reserve(f"{name}{n}", [requests(name, 7)]) for n in range(20)])
    assert sum(isinstance(outcome, Granted) for outcome in outcomes) == 7
    await client.script_flush()
    store.renew(held.reservation)
    await client.script_flush()
    store.settle(held.reservation, tokens=40, cost=4)
    await store.drain(within=5)  # told again some time later
    look = granted(await store.reserve("look", [slot(name, 50), tokens(name, 1000, 0)], [budget(name, 1000, 0)]))
    assert [state.remaining for state in look.states] == [49, 960]
    assert (look.budgets[0].spent, look.budgets[0].reserved) == (4, 0)


async def test_a_cancelled_wait_leaves_nothing_reserved(make_replica: MakeStore, name: str) -> None:
    store = await make_replica()
    claims = [requests(name, 10), slot(name, 1), tokens(name, 100, 100)]
    waiting = asyncio.create_task(store.reserve(name, claims, [budget(name, 100, 100)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # it is on its way
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    await store.drain(within=5)
    outcome = granted(await store.reserve("next", claims, [budget(name, 100, 100)]))
    assert [state.remaining for state in outcome.states] == [9, 0, 0]


async def test_what_redis_forgets_comes_back_with_known_and_with_renewals(
    make_replica: MakeStore, client: Redis, name: str
) -> None:
    store = await make_replica(lease_s=0.9)
    held = granted(await store.reserve("1", [slot(name, 1)], [budget(name, 1000, 300, known=500)]))
    await client.flushall()
    assert refused(await store.reserve("2", [], [budget(name, 1000, 501, known=500)])).budgets[0].spent == 500

    async def is_back() -> bool:
        return await reserved(store, name) == 300

    await soon(is_back)
    refused(await store.reserve("3", [slot(name, 1)]))
    store.settle(held.reservation, tokens=0, cost=120)
    look = granted(await store.reserve("4", [slot(name, 1)], [budget(name, 1000, 0, known=500)]))
    assert (look.budgets[0].spent, look.budgets[0].reserved) == (620, 0)


async def test_what_redis_has_forgotten_cannot_be_given_back(make_replica: MakeStore, client: Redis, name: str) -> None:
    store = await make_replica()
    held = granted(await store.reserve("1", [tokens(name, 100, 80)]))
    await client.delete(limit_key(f"{name}:tokens"))
    granted(await store.reserve("2", [tokens(name, 100, 30)]))
    store.cancel(held.reservation)
    assert granted(await store.reserve("look", [tokens(name, 100, 0)])).states[0].remaining in (70, 100)
    refused(await store.reserve("3", [tokens(name, 100, 101)]))


async def test_a_call_ends_in_the_ledger_and_is_never_counted_twice(
    make_replica: MakeStore, client: Redis, name: str
) -> None:
    store = await make_replica()
    calls = [granted(await store.reserve(f"call{n}", [], [budget(name, 10_000, 100)])) for n in range(3)]
    store.settle(calls[0].reservation, tokens=0, cost=70)
    await store.drain(within=5)

    async def told(spent: int, *ids: str) -> tuple[int, int]:
        found = await confirm(client, budget_id=name, period=PERIOD, spent_absolute=spent, call_ids=ids)
        return found.spent, found.reserved

    assert await told(70, "call0") == (70, 200)
    assert await told(70, "call0") == (70, 200)  # told again
    assert await told(140, "call1") == (140, 100)  # before its edge has settled it
    store.settle(calls[1].reservation, tokens=0, cost=70)
    await store.drain(within=5)
    assert await told(100) == (140, 100)  # an older report comes late
    store.settle(calls[2].reservation, tokens=0, cost=60)
    await store.drain(within=5)
    assert await told(140) == (200, 0)
    assert await told(200, *[f"unknown{n}" for n in range(4100)], "call2") == (200, 0)


async def test_keys_expire_but_not_before_what_they_count(make_replica: MakeStore, client: Redis, name: str) -> None:
    store = await make_replica()
    held = granted(await store.reserve("1", [requests(name, 9), slot(name, 9)], [budget(name, 9, 1)]))
    store.settle(held.reservation, tokens=0, cost=1)
    granted(await store.reserve("2", [slot(name, 9)]))
    assert 60_500 < await client.pttl(limit_key(f"{name}:requests")) <= 124_000
    assert 60_000 < await client.pttl(limit_key(f"{name}:parallel")) <= 3_600_000
    for key in budget_keys(name, PERIOD):
        assert DAY_MS < await client.pttl(key) <= DAY_MS * 26 // 24


async def test_large_amounts_are_kept_to_the_nano(make_replica: MakeStore, client: Redis, name: str) -> None:
    store = await make_replica()
    most = 2**53
    outcome = granted(await store.reserve("1", [], [budget(name, most, 3, known=most - 4)]))
    assert (outcome.budgets[0].spent, outcome.budgets[0].reserved) == (most - 4, 3)
    granted(await store.reserve("2", [], [budget(name, most, 1, known=most - 4)]))
    refused(await store.reserve("3", [], [budget(name, most, 1, known=most - 4)]))
    beyond = 2**62 + 1
    await confirm(client, budget_id=name, period=PERIOD, spent_absolute=beyond, call_ids=[])
    assert int(await client.hget(budget_keys(name, PERIOD)[0], "confirmed") or 0) == beyond
    refused(await store.reserve("4", [], [budget(name, 2**62, 0)]))
