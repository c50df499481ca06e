"""Calls that are sent again with their `Idempotency-Key`: answered alike, billed once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from common.testing.emulator import Emulator

Send = Callable[..., Awaitable[httpx.Response]]
STREAM = "emulated-chunks-5"


@pytest.fixture
async def send(control: Any, edge: Any) -> AsyncIterator[Send]:
    """Sends a call for one of the emulator's models, with an `Idempotency-Key`."""
    api_key = await control.key(await control.tenant())
    known: set[str] = set()
    headers = {"authorization": f"Bearer {api_key}"}
    async with (
        Emulator(api_key="sk-upstream") as emulator,
        httpx.AsyncClient(base_url=edge.url, headers=headers, timeout=20) as client,
    ):

        async def send(
            key: str, *, model: str = "emulated", text: str = "Hello", stream: bool = False
        ) -> httpx.Response:
            if model not in known:
                await control.model(model, emulator.base_url, model=model, credential="sk-upstream")
                while (await client.get(f"/v1/models/{model}")).status_code != 200:
                    await asyncio.sleep(0.01)
                known.add(model)
            body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}
            return await client.post("/v1/chat/completions", json=body, headers={"idempotency-key": key})

        yield send


def is_replay(response: httpx.Response) -> bool:
    return bool(response.headers.get("idempotent-replayed") == "true")


@pytest.mark.parametrize("stream", [False, True])
async def test_duplicates_at_once_and_later_get_the_first_ones_answer(send: Send, control: Any, stream: bool) -> None:
    await send("warm-up", model=STREAM)
    responses = await asyncio.gather(*(send("same", model=STREAM, stream=stream) for _ in range(10)))
    responses.append(await send("same", model=STREAM, stream=stream))
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1
    assert sum(not is_replay(response) for response in responses) == 1
    if stream:
        assert responses[0].content.endswith(b"data: [DONE]\n\n")
        assert {response.headers["content-type"] for response in responses} == {"text/event-stream; charset=utf-8"}
    another = await send("another", model=STREAM, stream=stream)
    assert not is_replay(another)
    assert len(await control.usage(3)) == 3  # the warm-up, one for all eleven, and the other key's


async def test_the_same_key_with_another_body_is_refused(send: Send) -> None:
    assert (await send("key")).status_code == 200
    response = await send("key", text="Something else")
    assert (response.status_code, response.json()["error"]["code"]) == (422, "idempotency_key_reused")


async def test_a_key_that_cannot_be_one_is_refused(send: Send) -> None:
    response = await send("x" * 256)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_idempotency_key")


async def test_a_failure_worth_another_try_is_not_kept(send: Send, control: Any) -> None:
    for _ in range(2):
        response = await send("key", model="emulated-error-500")
        assert response.status_code == 502
        assert not is_replay(response)
    assert len(await control.usage(2)) == 2


async def test_without_redis_the_policy_decides(send: Send, control: Any, run_an_edge: Any, tmp_path: Path) -> None:
    away = "redis://127.0.0.1:9"
    await send("warm-up")
    api_key = await control.key(await control.tenant())
    statuses = {}
    for policy in ("open", "closed"):
        async with (
            run_an_edge(redis_url=away, idempotency_without_redis=policy, state_dir=tmp_path / policy) as edge,
            httpx.AsyncClient(base_url=edge.url, headers={"authorization": f"Bearer {api_key}"}, timeout=20) as client,
        ):
            body = {"model": "emulated", "messages": [{"role": "user", "content": "Hello"}]}
            response = await client.post("/v1/chat/completions", json=body, headers={"idempotency-key": "x"})
            statuses[policy] = response.status_code
            assert (await client.post("/v1/chat/completions", json=body)).status_code == 200
    assert statuses == {"open": 200, "closed": 503}
