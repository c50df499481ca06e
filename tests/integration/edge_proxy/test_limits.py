"""Limits as a client meets them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import openai
import pytest
from openai import AsyncOpenAI

from common.events import subjects
from common.events.control import LimitDefaults, LimitPolicy, RateLimits, TenantPolicy
from common.testing.emulator import Emulator

Caller = Callable[..., Awaitable[httpx.AsyncClient]]
CALL: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}]}


def overall(**limits: int) -> LimitPolicy:
    return LimitPolicy(overall=RateLimits(**limits))


@pytest.fixture
async def caller(control: Any, edge: Any) -> AsyncIterator[Caller]:
    """A client of a new key, once the edge serves `model` to it."""
    clients: list[httpx.AsyncClient] = []
    async with Emulator(api_key="sk-upstream") as emulator:

        async def make(tenant: str, model: str = "emulated-tokens-10-0-5-0", **policy: Any) -> httpx.AsyncClient:
            await control.model(model, emulator.base_url, model=model, credential="sk-upstream")
            key = await control.key(tenant, **policy)
            client = httpx.AsyncClient(base_url=edge.url, headers={"authorization": f"Bearer {key}"}, timeout=20)
            clients.append(client)
            while (await client.get(f"/v1/models/{model}")).status_code != 200:
                await asyncio.sleep(0.01)
            return client

        yield make
        for client in clients:
            await client.aclose()


async def call(client: httpx.AsyncClient, model: str = "emulated-tokens-10-0-5-0", **fields: Any) -> httpx.Response:
    return await client.post("/v1/chat/completions", json={"model": model, **CALL, **fields})


async def tenant_with(control: Any, limits: LimitPolicy) -> str:
    tenant = str(await control.tenant())
    record = TenantPolicy(tenant_id=tenant, status="active", limits=limits)
    await control.put(subjects.POLICIES_BUCKET, tenant, msgspec.json.encode(record))
    return tenant


async def test_requests_per_minute_and_what_a_client_is_told(control: Any, caller: Caller) -> None:
    client = await caller(await control.tenant(), limits=overall(requests_per_minute=3))
    responses = [await call(client) for _ in range(5)]
    assert [response.status_code for response in responses] == [200, 200, 200, 429, 429]
    assert [response.headers["x-ratelimit-remaining-requests"] for response in responses] == ["2", "1", "0", "0", "0"]
    refused = responses[-1]
    assert refused.headers["x-ratelimit-limit-requests"] == "3"
    assert 55 < int(refused.headers["retry-after"]) <= 61
    assert 55_000 < int(refused.headers["retry-after-ms"]) <= 60_500
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert len(await control.usage(3)) == 3


async def test_the_sdk_knows_the_refusal(control: Any, edge: Any, caller: Caller) -> None:
    client = await caller(await control.tenant(), limits=overall(requests_per_minute=0))
    key = client.headers["authorization"].removeprefix("Bearer ")
    async with AsyncOpenAI(base_url=f"{edge.url}/v1", api_key=key, max_retries=0) as sdk:
        with pytest.raises(openai.RateLimitError, match="requests per minute of this key: 0"):
            await sdk.chat.completions.create(model="emulated-tokens-10-0-5-0", messages=CALL["messages"])


async def test_tokens_are_reserved_and_settled_to_what_was_used(control: Any, caller: Caller) -> None:
    client = await caller(await control.tenant(), limits=overall(tokens_per_minute=10_000))
    first = await call(client, max_tokens=1000)
    reserved = 10_000 - int(first.headers["x-ratelimit-remaining-tokens"])
    assert 1000 < reserved < 1100
    second = await call(client, max_tokens=1000)
    # The first one used 15, and gave back the rest.
    used = 10_000 - int(second.headers["x-ratelimit-remaining-tokens"])
    assert used < reserved + 15 + 5
    assert (await call(client, max_tokens=50_000)).status_code == 429


async def test_calls_at_once(control: Any, caller: Caller) -> None:
    model = "emulated-slow-first-byte-300"
    client = await caller(await control.tenant(), model, limits=overall(parallel_requests=2))
    for _ in range(2):
        responses = await asyncio.gather(*(call(client, model, stream=stream) for stream in (False, True, False, True)))
        assert sorted(response.status_code for response in responses) == [200, 200, 429, 429]


async def test_a_tenant_caps_its_keys_and_the_installation_its_tenants(control: Any, caller: Caller) -> None:
    tenant = await tenant_with(control, overall(requests_per_minute=3))
    one = await caller(tenant, limits=overall(requests_per_minute=100))
    two = await caller(tenant)
    statuses = [(await call(client)).status_code for client in (one, two, one, two, one)]
    assert statuses == [200, 200, 200, 429, 429]
    defaults = LimitDefaults(tenant=overall(requests_per_minute=1))
    await control.put(subjects.SETTINGS_BUCKET, subjects.LIMITS_SETTING, msgspec.json.encode(defaults))
    other = await caller(await control.tenant())
    async with asyncio.timeout(5):
        while (await call(other)).status_code != 429:
            await asyncio.sleep(0.02)
    assert (await call(other)).headers["x-ratelimit-limit-requests"] == "1"


async def test_a_models_limit_counts_that_model_only(control: Any, caller: Caller) -> None:
    other = "emulated-tokens-1-0-1-0"
    limits = LimitPolicy(models={other: RateLimits(requests_per_minute=1)})
    client = await caller(await control.tenant(), limits=limits)
    assert [(await call(client)).status_code for _ in range(3)] == [200, 200, 200]
    await control.model(other, "http://127.0.0.1:9/v1", model="x")
    while (await client.get(f"/v1/models/{other}")).status_code != 200:
        await asyncio.sleep(0.01)
    assert [(await call(client, other)).status_code for _ in range(2)] == [502, 429]


async def test_a_call_that_failed_gives_its_tokens_back_but_not_its_request(control: Any, caller: Caller) -> None:
    model = "emulated-error-400"
    limits = overall(requests_per_minute=10, tokens_per_minute=5000)
    client = await caller(await control.tenant(), model, limits=limits)
    responses = [await call(client, model, max_tokens=4000) for _ in range(3)]
    assert [response.status_code for response in responses] == [400, 400, 400]
    assert responses[-1].headers["x-ratelimit-remaining-requests"] == "7"


@pytest.mark.parametrize(("policy", "statuses"), [("local", [200, 200, 429]), ("closed", [503, 503, 503])])
async def test_without_redis_the_policy_decides(
    control: Any, caller: Caller, run_an_edge: Any, tmp_path: Path, policy: str, statuses: list[int]
) -> None:
    tenant = await control.tenant()
    limited = await caller(tenant, limits=overall(requests_per_minute=4))
    free = await caller(tenant)
    async with run_an_edge(
        redis_url="redis://127.0.0.1:9", limits_without_redis=policy, replicas=2, state_dir=tmp_path / "away"
    ) as edge:
        for client, expected in ((limited, statuses), (free, [200])):
            headers = {"authorization": client.headers["authorization"]}
            async with httpx.AsyncClient(base_url=edge.url, headers=headers, timeout=20) as there:
                assert [(await call(there)).status_code for _ in expected] == expected
