"""Budgets as a client meets them, on a real NATS and Valkey."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import openai
import pytest
from openai import AsyncOpenAI
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from common.budget_periods import period_at
from common.clock import utc_now
from common.events import subjects
from common.events.control import SpendRecord
from common.testing.emulator import Emulator

MODEL = "emulated-tokens-10-0-5-0"
COST = 10 * 150 + 5 * 600
"""Nano-USD of a call of it, by the prices of the tests' routes."""
MESSAGES: list[Any] = [{"role": "user", "content": "Hello"}]

Caller = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def caller(control: Any, edge: Any) -> AsyncIterator[Caller]:
    """A client of a new key, once the edge serves the model to it."""
    clients: list[httpx.AsyncClient] = []
    async with Emulator(api_key="sk-upstream") as emulator:

        async def make(tenant: str, **fields: Any) -> httpx.AsyncClient:
            await control.model(MODEL, emulator.base_url, model=MODEL, credential="sk-upstream")
            key = await control.key(tenant, **fields)
            client = httpx.AsyncClient(base_url=edge.url, headers={"authorization": f"Bearer {key}"}, timeout=20)
            clients.append(client)
            while (await client.get(f"/v1/models/{MODEL}")).status_code != 200:
                await asyncio.sleep(0.01)
            return client

        yield make
        for client in clients:
            await client.aclose()


async def call(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await client.post(
        "/v1/chat/completions", json={"model": MODEL, "messages": MESSAGES, "max_tokens": 20, **fields}
    )


def spent(response: httpx.Response) -> int:
    """Before this call, in nano-USD."""
    return int(Decimal(response.headers["x-budget-spent"]) * 10**9)


async def until(
    client: httpx.AsyncClient, condition: Callable[[httpx.Response], bool], **fields: Any
) -> httpx.Response:
    """Calls until the edge has heard of what was put into the buckets."""
    async with asyncio.timeout(5):
        while not condition(response := await call(client, **fields)):
            await asyncio.sleep(0.02)
    return response


async def test_a_hard_budget_refuses_with_its_name_and_reset(control: Any, edge: Any, caller: Caller) -> None:
    metrics: list[tuple[str, dict[str, str]]] = [
        ("omg_edge_errors_total", {"error": "BudgetExceeded"}),
        ("omg_edge_budget_refusals_total", {"scope": "tenant"}),
        ("omg_edge_limit_store_round_trip_seconds_count", {}),
    ]
    before = [REGISTRY.get_sample_value(*metric) for metric in metrics]
    tenant = await control.tenant()
    client = await caller(tenant)
    await control.budget("tenant", tenant, 1000, name="pilot")
    refused = await until(client, lambda response: response.status_code == 402)
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
    end = period_at("calendar_month", timezone="UTC", starts_at=utc_now(), moment=utc_now()).end
    assert end is not None
    assert error["message"].startswith("The budget `pilot` of this tenant does not allow this request: $0 of $0.000001")
    assert error["message"].endswith(f"It is renewed at {end.isoformat()}.")
    assert refused.headers["x-budget-reset"] == end.isoformat()
    assert refused.headers["x-budget-remaining"] == "0.000001"
    after = [REGISTRY.get_sample_value(*metric) for metric in metrics]
    assert all((new or 0) > (old or 0) for old, new in zip(before, after, strict=True))
    key = client.headers["authorization"].removeprefix("Bearer ")
    async with AsyncOpenAI(base_url=f"{edge.url}/v1", api_key=key, max_retries=2) as sdk:
        with pytest.raises(openai.APIStatusError, match="The budget `pilot`") as raised:
            await sdk.chat.completions.create(model=MODEL, messages=MESSAGES)
    assert raised.value.status_code == 402


@pytest.mark.parametrize("scope", ["installation", "tenant", "key", "user"])
async def test_what_calls_cost_is_spent_exactly(control: Any, caller: Caller, scope: str, redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()
    tenant = await control.tenant()
    client = await caller(tenant, key_id=f"key_{scope}", owner_id=f"usr_{scope}")
    subject = {"installation": "", "tenant": tenant, "key": f"key_{scope}", "user": f"usr_{scope}"}[scope]
    budget = await control.budget(scope, subject, 10**9)
    await until(client, lambda response: "x-budget-limit" in response.headers)
    before = spent(await call(client))
    assert spent(await call(client, stream=True)) - before == COST
    assert spent(await call(client)) - before == 2 * COST
    if scope == "installation":
        await control.delete(subjects.BUDGETS_BUCKET, budget)


async def test_a_soft_budget_warns_and_serves(control: Any, caller: Caller) -> None:
    tenant = await control.tenant()
    client = await caller(tenant)
    await control.budget("tenant", tenant, 2 * COST, hard=False, warn_at=50)
    responses = [await until(client, lambda response: "x-budget-limit" in response.headers)]
    responses += [await call(client) for _ in range(3)]
    assert [response.status_code for response in responses] == [200] * 4
    assert [response.headers.get("x-budget-warning") for response in responses] == [None, None, "true", "true"]
    assert [response.headers.get("x-budget-exceeded") for response in responses] == [None, None, "true", "true"]


async def test_calls_at_once_cannot_go_through_a_nearly_spent_budget_together(control: Any, caller: Caller) -> None:
    tenant = await control.tenant()
    client = await caller(tenant)
    worst = -(-len(msgspec.json.encode({"model": MODEL, "messages": MESSAGES, "max_tokens": 20})) // 2) * 150 + 20 * 600
    await control.budget("tenant", tenant, 3 * worst + worst // 2)
    await until(client, lambda response: "x-budget-limit" in response.headers, max_tokens=10**8)
    responses = await asyncio.gather(*(call(client) for _ in range(30)))
    passed = [response for response in responses if response.status_code == 200]
    assert 3 <= len(passed) < 30
    assert {response.status_code for response in responses} == {200, 402}
    assert max(map(spent, responses)) <= 3 * worst + worst // 2


async def test_what_the_ledger_published_counts_where_redis_has_lost_it(
    control: Any, caller: Caller, redis_url: str
) -> None:
    tenant = await control.tenant()
    client = await caller(tenant)
    budget = await control.budget("tenant", tenant, 10**9)
    await until(client, lambda response: "x-budget-limit" in response.headers)
    period = period_at("calendar_month", timezone="UTC", starts_at=utc_now(), moment=utc_now()).name
    known = SpendRecord(periods={period: str(999_999_999)})
    await control.put(subjects.SPEND_BUCKET, budget, msgspec.json.encode(known))
    await until(client, lambda response: response.status_code == 402)
    async with Redis.from_url(redis_url) as redis:
        await redis.flushall()
    refused = await call(client)
    assert (refused.status_code, spent(refused)) == (402, 999_999_999)


async def test_a_call_that_never_reached_a_provider_costs_nothing(control: Any, caller: Caller) -> None:
    tenant = await control.tenant()
    client = await caller(tenant, models=[MODEL, "gone"])
    await control.model("gone", "http://127.0.0.1:9/v1", model="x")
    await control.budget("tenant", tenant, 10**9)
    await until(client, lambda response: "x-budget-limit" in response.headers)
    before = spent(await call(client))
    assert (await call(client, model="gone")).status_code == 502
    assert spent(await call(client)) - before == COST
