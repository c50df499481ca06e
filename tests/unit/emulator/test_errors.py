"""Failures that the model's name asks for, as the official SDK sees them, and as they look on the connection."""

import asyncio
import time

import httpx
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionMessageParam

from common.testing.emulator import Emulator

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello!"}]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
async def test_a_status(
    client: AsyncOpenAI, emulator: Emulator, status: int, error: type[openai.APIStatusError], stream: bool
) -> None:
    with pytest.raises(error) as raised:
        await client.chat.completions.create(model=f"emulated-error-{status}", messages=HELLO, stream=stream)
    assert isinstance(raised.value.body, dict)
    assert set(raised.value.body) == {"message", "type", "param", "code"}
    assert raised.value.request_id is not None
    assert raised.value.response.headers.get("retry-after") == ("1" if status in {429, 503} else None)
    [call] = emulator.calls
    assert (call.status, call.tokens, call.refused) == (status, None, None)


async def test_the_sdk_waits_as_retry_after_says(emulator: Emulator) -> None:
    async with AsyncOpenAI(base_url=emulator.base_url, api_key="sk-test", max_retries=1) as client:
        started = time.monotonic()
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(model="emulated-error-429-retry-after-2", messages=HELLO)
    assert time.monotonic() - started >= 2
    assert emulator.count()["arrived"] == 2


async def test_a_limit_may_say_nothing_about_when_to_come_back(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as raised:
        await client.chat.completions.create(model="emulated-error-429-no-retry-after", messages=HELLO)
    assert "retry-after" not in raised.value.response.headers


async def test_out_of_quota(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.RateLimitError) as raised:
        await client.chat.completions.create(model="emulated-out-of-quota", messages=HELLO)
    assert raised.value.code == "insufficient_quota"


async def test_an_html_page(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        await client.chat.completions.create(model="emulated-html-502", messages=HELLO)
    assert raised.value.status_code == 502
    assert raised.value.response.text.startswith("<html>")


async def test_half_a_reply(http: httpx.AsyncClient) -> None:
    body = {"model": "emulated-malformed", "messages": HELLO}
    response = await http.post("/v1/chat/completions", json=body)
    assert response.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        response.json()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_late_first_byte(http: httpx.AsyncClient, emulator: Emulator, stream: bool) -> None:
    body = {"model": "emulated-slow-first-byte-300", "messages": HELLO, "stream": stream}
    started = time.monotonic()
    async with http.stream("POST", "/v1/chat/completions", json=body) as response:
        assert 0.3 <= time.monotonic() - started < 10
        await response.aread()
    assert emulator.calls[0].state == "finished"


async def test_delays_between_events(http: httpx.AsyncClient) -> None:
    body = {"model": "emulated-chunks-3-delay-50", "messages": HELLO, "stream": True}
    started = time.monotonic()
    await http.post("/v1/chat/completions", json=body)
    assert 0.25 <= time.monotonic() - started < 10  # six events


@pytest.mark.parametrize(
    ("model", "stream", "events"),
    [
        ("emulated-silent", False, 0),
        ("emulated-silent", True, 0),
        ("emulated-stall-after-1", False, 0),
        ("emulated-stall-after-0", True, 0),
        ("emulated-stall-after-2", True, 2),
    ],
)
async def test_silence_until_the_client_leaves(emulator: Emulator, model: str, stream: bool, events: int) -> None:
    body = {"model": model, "messages": HELLO, "stream": stream}
    async with httpx.AsyncClient(timeout=httpx.Timeout(5, read=0.2), verify=False) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(f"{emulator.base_url}/chat/completions", json=body)
    [call] = await emulator.wait_ended(1)
    assert (call.state, call.events_sent, call.usage_sent) == ("aborted", events, False)
    assert call.tokens is not None


@pytest.mark.parametrize("kind", ["cut", "close"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_broken_connection(emulator: Emulator, kind: str, stream: bool) -> None:
    body = {"model": f"emulated-{kind}-after-1", "messages": HELLO, "stream": stream}
    received = b""
    async with httpx.AsyncClient(verify=False) as http:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)) as raised:
            async with http.stream("POST", f"{emulator.base_url}/chat/completions", json=body) as response:
                async for piece in response.aiter_raw():
                    received += piece
    assert isinstance(raised.value, httpx.ReadError if kind == "cut" else httpx.RemoteProtocolError)
    assert received.startswith(b'data: {"id":"chatcmpl-' if stream else b'{"id":"chatcmpl-')
    assert emulator.calls[0].state == "cut"


async def test_a_reset_before_the_status_line(emulator: Emulator) -> None:
    async with httpx.AsyncClient(verify=False) as http:
        with pytest.raises(httpx.ReadError):
            await http.post(
                f"{emulator.base_url}/chat/completions", json={"model": "emulated-cut-after-0", "messages": HELLO}
            )
    assert (emulator.calls[0].state, emulator.calls[0].status) == ("cut", None)


async def test_a_client_that_leaves_in_the_middle(http: httpx.AsyncClient, emulator: Emulator) -> None:
    body = {"model": "emulated-chunks-1000-delay-10", "messages": HELLO, "stream": True}
    async with http.stream("POST", "/v1/chat/completions", json=body) as response:
        await anext(response.aiter_raw())
    [call] = await emulator.wait_ended(1)
    assert call.state == "aborted"
    assert 1 <= call.events_sent < 500
    assert call.tokens is not None
    assert call.tokens.output == 1000


async def test_a_slow_client_holds_a_huge_answer_back(http: httpx.AsyncClient, emulator: Emulator) -> None:
    body = {"model": "emulated-huge-2000", "messages": HELLO, "stream": True}
    async with http.stream("POST", "/v1/chat/completions", json=body) as response:
        await asyncio.sleep(0.5)
        [call] = emulator.calls
        held_at = call.events_sent
        assert held_at < 500
        received = 0
        async for piece in response.aiter_raw():
            received += len(piece)
            if received > 64 * 1024 * 1000:
                break
    assert call.events_sent > held_at


async def test_a_huge_whole_answer(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(model="emulated-huge-10", messages=HELLO)
    assert len(reply.choices[0].message.content or "") == 10 * 64 * 1024
