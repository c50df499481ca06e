"""What a client notices of providers that fail: as little as possible."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from common.testing.emulator import Emulator

Send = Callable[..., Awaitable[httpx.Response]]
BROKEN = "http://127.0.0.1:9/v1"


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(api_key="sk-upstream") as emulator:
        yield emulator


@pytest.fixture
async def key(control: Any) -> str:
    return str(await control.key(await control.tenant()))


@pytest.fixture
async def send(edge: Any, key: str) -> AsyncIterator[Send]:
    """Sends a call for an alias, once the edge knows it."""
    async with httpx.AsyncClient(base_url=edge.url, headers={"authorization": f"Bearer {key}"}, timeout=30) as client:

        async def send(alias: str, **fields: Any) -> httpx.Response:
            async with asyncio.timeout(5):
                while (await client.get(f"/v1/models/{alias}")).status_code != 200:
                    await asyncio.sleep(0.01)
            body = {"model": alias, "messages": [{"role": "user", "content": "Hello"}], **fields}
            return await client.post("/v1/chat/completions", json=body)

        yield send


@pytest.fixture
def route(control: Any, emulator: Emulator) -> Callable[..., Any]:
    def make(model: str = "emulated", *, base_url: str | None = None, **fields: Any) -> Any:
        return control.route(base_url or emulator.base_url, model, credential="sk-upstream", **fields)

    return make


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "failure", ["emulated-error-500", "emulated-error-429-retry-after-7", "emulated-error-401", BROKEN]
)
async def test_the_next_route_serves_and_the_answer_says_so(
    send: Send, control: Any, route: Any, failure: str, stream: bool
) -> None:
    bad = route(base_url=BROKEN) if failure == BROKEN else route(failure)
    good = route("emulated-tokens-100-40-50-20", priority=1)
    await control.models("alias", bad, good)
    response = await send("alias", stream=stream)
    assert response.status_code == 200
    assert (response.headers["x-omg-route"], response.headers["x-omg-attempts"]) == (good.id, "2")
    if stream:
        assert response.text.endswith("data: [DONE]\n\n")
    (event,) = await control.usage(1)
    assert (event.data.route_id, event.data.status, event.data.attempts) == (good.id, "succeeded", 2)
    assert event.data.tokens.input == 100


async def test_a_clients_own_mistake_is_not_tried_elsewhere(send: Send, control: Any, route: Any) -> None:
    await control.models("alias", route("emulated-error-400"), route(priority=1))
    response = await send("alias")
    assert response.status_code == 400
    (event,) = await control.usage(1)
    assert event.data.attempts == 1


async def test_a_single_route_is_tried_again_after_a_pause_and_no_more_than_three_times(
    send: Send, control: Any, route: Any
) -> None:
    await control.models("alias", route("emulated-error-503"))
    response = await send("alias")
    assert response.status_code == 502
    (event,) = await control.usage(1)
    assert (event.data.attempts, event.data.status) == (3, "failed")


async def test_a_provider_that_asks_to_wait_for_long_is_not_waited_for(send: Send, control: Any, route: Any) -> None:
    await control.models("alias", route("emulated-error-429-retry-after-77"))
    began = time.monotonic()
    first = await send("alias")
    assert (first.status_code, first.headers["retry-after"]) == (429, "77")
    assert time.monotonic() - began < 5
    second = await send("alias")  # and is left alone until then
    assert second.status_code == 503
    assert 60 < int(second.headers["retry-after"]) <= 77
    assert second.json()["error"]["code"] == "no_route_available"
    assert len(await control.usage(1)) == 1


async def test_fallback_aliases_come_after_the_routes_and_only_if_the_caller_may_use_them(
    send: Send, control: Any, route: Any
) -> None:
    good = route("emulated-tokens-7-0-5-0")
    await control.models("spare", good)
    await control.models("alias", route("emulated-error-500"), fallbacks=["missing", "spare"])
    await send("spare")
    response = await send("alias")
    assert (response.status_code, response.headers["x-omg-route"]) == (200, good.id)
    event = (await control.usage(2))[-1]
    assert (event.data.alias, event.data.route_id) == ("alias", good.id)


async def test_a_fallback_that_the_key_may_not_use_is_not_used(control: Any, edge: Any, route: Any) -> None:
    key = await control.key(await control.tenant(), models=["alias"])
    await control.models("spare", route())
    await control.models("alias", route("emulated-error-500"), fallbacks=["spare"])
    async with httpx.AsyncClient(base_url=edge.url, headers={"authorization": f"Bearer {key}"}, timeout=30) as client:
        while (await client.get("/v1/models/alias")).status_code != 200:
            await asyncio.sleep(0.01)
        body = {"model": "alias", "messages": [{"role": "user", "content": "Hello"}]}
        assert (await client.post("/v1/chat/completions", json=body)).status_code == 502


async def test_nothing_is_tried_again_once_the_client_has_seen_a_byte(send: Send, control: Any, route: Any) -> None:
    await control.models("alias", route("emulated-chunks-5-cut-after-3"), route(priority=1))
    response = await send("alias", stream=True)
    assert response.status_code == 200
    assert '"error"' in response.text
    assert "[DONE]" not in response.text
    (event,) = await control.usage(1)
    assert (event.data.attempts, event.data.status) == (1, "failed")


async def test_a_route_that_keeps_failing_is_left_alone_and_it_shows(
    send: Send, control: Any, edge: Any, route: Any
) -> None:
    bad, good = route("emulated-error-500"), route(priority=1)
    await control.models("alias", bad, good)
    attempts = [(await send("alias")).headers["x-omg-attempts"] for _ in range(12)]
    assert attempts == ["2"] * 5 + ["1"] * 7
    async with httpx.AsyncClient(base_url=edge.url) as client:
        metrics = (await client.get("/metrics")).text
    assert f'omg_edge_breaker_state{{route="{bad.id}"}} 2.0' in metrics
    assert f'omg_edge_breaker_opens_total{{route="{bad.id}"}} 1.0' in metrics
    assert f'omg_edge_breaker_state{{route="{good.id}"}} 0.0' in metrics


async def test_calls_with_the_same_cache_key_go_to_the_same_route(send: Send, control: Any, route: Any) -> None:
    await control.models("alias", *(route() for _ in range(5)))
    served = {
        cache_key: {(await send("alias", prompt_cache_key=cache_key)).headers["x-omg-route"] for _ in range(4)}
        for cache_key in ("a", "b", "c", "d", "e", "f", "g", "h")
    }
    assert all(len(routes) == 1 for routes in served.values())
    assert len(set.union(*served.values())) > 1
