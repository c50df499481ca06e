"""The table of what each loss does to the data plane, row by row: the real server is killed while calls go on.

Postgres, admin-api, the worker and an edge are killed in `test_exactly_once`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from tests.chaos.load import DOWN_S, Outcome, load
from tests.chaos.test_exactly_once import all_settled

QUESTION: list[Any] = [{"role": "user", "content": "x"}]


async def soon(condition: Callable[[], Awaitable[bool]], *, within: float = 20) -> None:
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.05)


async def metric(edge: str, name: str) -> float:
    """The sum over all its labels; 0 while it is not told."""
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"{edge}/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


async def everywhere(stack: Any, name: str, value: float) -> bool:
    return all([await metric(edge, name) == value for edge in stack.edges])


async def ask(edge: str, key: str, alias: str = "plain") -> httpx.Response:
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=20) as client:
        return await client.post(f"{edge}/v1/chat/completions", json={"model": alias, "messages": QUESTION})


async def every_call_is_in_the_ledger_once(stack: Any) -> None:
    reached = {call["request_id"] for call in stack.provider_calls() if call["path"] == "/v1/chat/completions"}
    await all_settled(stack, reached)
    rows = [row["call_id"] for row in await stack.ledger("SELECT call_id FROM ledger.usage_entries")]
    assert len(rows) == len(set(rows))
    assert reached <= set(rows)


@pytest.mark.timeout(120)
async def test_nats_away_calls_go_on_and_usage_waits_also_in_an_edge_that_starts_meanwhile(stack: Any) -> None:
    async with load(stack, callers=30) as calls:
        await asyncio.to_thread(stack.nats.kill)
        down = time.monotonic()
        await soon(lambda: everywhere(stack, "omg_nats_connected", 0))
        await asyncio.sleep(DOWN_S / 2)
        assert all([await metric(edge, "omg_edge_usage_pending") > 0 for edge in stack.edges])
        await calls.all_succeed(down)
        for log in ("edge-1", "edge-2"):
            assert "nats" in stack.log(log)
        stack.services["edge-1"].kill()
        stack.services["edge-1"].start()
        await stack.services["edge-1"].ready()
        back = time.monotonic()
        await asyncio.sleep(DOWN_S / 2)
        await calls.all_succeed(back)
        assert {call.edge for call in calls.within(back, time.monotonic())} == set(stack.edges)
        await asyncio.to_thread(stack.nats.start)
        await soon(lambda: everywhere(stack, "omg_nats_connected", 1))
    await every_call_is_in_the_ledger_once(stack)
    await soon(lambda: everywhere(stack, "omg_edge_usage_pending", 0))


@pytest.mark.timeout(120)
async def test_redis_away_calls_go_on_within_their_share_of_limits_and_what_budgets_are_known_to_have(
    stack: Any,
) -> None:
    limited, spent = await limited_keys(stack, requests_per_minute=20)
    assert (await ask(stack.edges[0], spent)).status_code == 402
    async with load(stack, callers=30) as calls:
        await asyncio.to_thread(stack.valkey.kill)
        down = time.monotonic()
        await soon(lambda: everywhere(stack, "omg_edge_limit_store_away", 1))
        answers = await asyncio.gather(*(ask(edge, limited) for edge in stack.edges for _ in range(40)))
        refused = [await ask(edge, spent) for edge in stack.edges]
        await asyncio.sleep(DOWN_S / 2)
        await calls.all_succeed(down)
        await asyncio.to_thread(stack.valkey.start)
        await soon(lambda: everywhere(stack, "omg_edge_limit_store_away", 0))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 20, "each of two replicas has half of the limit"
    assert statuses.count(429) == 60
    assert [answer.status_code for answer in refused] == [402, 402]
    for edge in stack.edges:
        assert await metric(edge, "omg_edge_limit_store_fallbacks_total") > 0
    assert "limits cannot reach redis" in stack.log("edge-1")
    assert "limits reach redis again" in stack.log("edge-1")
    await every_call_is_in_the_ledger_once(stack)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("stack", [{"OMG_LIMITS_WITHOUT_REDIS": "closed"}], indirect=True)
async def test_redis_away_and_nobody_may_guess_calls_are_refused_until_it_is_back(stack: Any) -> None:
    async with load(stack, callers=30) as calls:
        await asyncio.to_thread(stack.valkey.kill)
        await soon(lambda: everywhere(stack, "omg_edge_limit_store_away", 1))
        down = time.monotonic()
        await asyncio.sleep(1)
        refused = calls.within(down, time.monotonic())
        await asyncio.to_thread(stack.valkey.start)
        await soon(lambda: everywhere(stack, "omg_edge_limit_store_away", 0))
        back = time.monotonic()
        await asyncio.sleep(DOWN_S / 2)
        await calls.all_succeed(back)
    assert refused
    assert {call.status for call in refused} == {503}
    assert all('"code":"limits_unavailable"' in call.what for call in refused)
    await every_call_is_in_the_ledger_once(stack)


@pytest.mark.timeout(120)
async def test_a_dead_provider_is_left_alone_and_the_next_route_serves(stack: Any) -> None:
    """Of an alias with one route more, every whole call succeeds; of others a clear refusal, until the provider is back."""
    aliases = ("plain", "stream", "plain-with-spare", "stream-with-spare")
    async with load(stack, callers=40, aliases=aliases) as calls:
        stack.services["provider"].kill()
        down = time.monotonic()
        await soon(lambda: breaker_is(stack, "open"))
        opened = time.monotonic()
        await asyncio.sleep(DOWN_S / 2)
        alone = await calls.enough(opened, aliases=("plain", "plain-with-spare"))
        stack.services["provider"].start()
        await stack.services["provider"].ready()
        await soon(lambda: breaker_is(stack, "closed"), within=40)
        back = time.monotonic()
        await asyncio.sleep(DOWN_S / 2)
        await calls.all_succeed(back)

    def of(alias: str, made: list[Outcome]) -> list[Outcome]:
        return [call for call in made if call.alias == alias]

    assert [call.what for call in of("plain-with-spare", calls.outcomes) if not call.ok] == []
    assert of("plain-with-spare", alone)
    # A stream that had begun cannot begin again; it says that it is not whole.
    cut = [call for call in of("stream-with-spare", calls.outcomes) if not call.ok]
    assert all(call.started < down and '"error"' in call.what for call in cut)
    assert {call.status for call in of("plain", alone)} <= {502, 503}
    assert any(call.status == 503 and '"type":"service_unavailable"' in call.what for call in of("plain", alone))
    # One finds out and the other is told of it, or finds out by itself.
    assert any("route opened" in stack.log(edge) for edge in ("edge-1", "edge-2"))
    await every_call_is_in_the_ledger_once(stack)


async def breaker_is(stack: Any, state: str) -> bool:
    """Of any route to the provider, at each edge, or of none."""
    states = [await metric(edge, "omg_edge_breaker_state") for edge in stack.edges]
    return all(states) if state == "open" else not any(states)


async def limited_keys(stack: Any, *, requests_per_minute: int) -> tuple[str, str]:
    """A key with that limit, and one whose budget is spent; both are in force."""
    async with stack.admin() as admin:
        [tenant] = (await admin.get("/admin/tenants")).json()["data"]
        keys = []
        for name in ("limited", "spent"):
            reply = await admin.post(f"/admin/tenants/{tenant['id']}/api-keys", json={"name": name})
            keys.append(reply.json())
        limits = f"/admin/tenants/{tenant['id']}/api-keys/{keys[0]['id']}/rate-limits"
        assert (await admin.put(limits, json={"requests_per_minute": requests_per_minute})).status_code == 200
        budget = {"name": "spent", "scope": "key", "subject": keys[1]["id"], "amount_usd": "0"}
        assert (await admin.post("/admin/budgets", json=budget)).status_code == 201
    return keys[0]["secret"], keys[1]["secret"]
