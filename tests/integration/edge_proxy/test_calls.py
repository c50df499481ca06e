"""Calls through the edge, judged by the official SDK in front and by the strict provider emulator behind."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from common.events.usage import PricedLine, Tokens, UsageEnvelope
from common.testing.emulator import Emulator

Model = Callable[..., Awaitable[str]]
HELLO: Any = [{"role": "user", "content": "Hello there"}]


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(api_key="sk-upstream") as emulator:
        yield emulator


@pytest.fixture
async def key(control: Any) -> str:
    return str(await control.key(await control.tenant()))


@pytest.fixture
async def sdk(edge: Any, key: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{edge.url}/v1", api_key=key, max_retries=0) as client:
        yield client


@pytest.fixture
async def model(control: Any, emulator: Emulator, sdk: AsyncOpenAI) -> Model:
    """Puts an alias on the emulator's model of that name and waits until the edge serves it."""

    async def put(name: str, *, credential: str | None = "sk-upstream", base_url: str | None = None) -> str:
        alias = f"alias/{name}"
        await control.model(alias, base_url or emulator.base_url, model=name, credential=credential)
        async with asyncio.timeout(5):
            while True:
                try:
                    await sdk.models.retrieve(alias)
                    return alias
                except openai.NotFoundError:
                    await asyncio.sleep(0.005)

    return put


async def only_event(control: Any) -> UsageEnvelope:
    (event,) = await control.usage(1)
    return event  # type: ignore[no-any-return]


async def test_a_plain_call(sdk: AsyncOpenAI, model: Model, control: Any, emulator: Emulator) -> None:
    alias = await model("emulated-tokens-100-40-50-20")
    raw = await sdk.chat.completions.with_raw_response.create(model=alias, messages=HELLO)
    usage = raw.parse().usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (100, 50)
    event = await only_event(control)
    assert event.id == raw.headers["x-request-id"]
    data = event.data
    assert data.tokens == Tokens(input=100, cached_input=40, output=50, reasoning=20)
    assert data.lines == [
        PricedLine(kind="input", quantity=60, price="150000000"),
        PricedLine(kind="cached_input", quantity=40, price="75000000"),
        PricedLine(kind="output", quantity=30, price="600000000"),
        PricedLine(kind="reasoning", quantity=20, price="600000000"),
    ]
    assert data.cost_nano_usd == str(60 * 150 + 40 * 75 + 50 * 600)
    assert (data.status, data.http_status, data.alias, data.estimated) == ("succeeded", 200, alias, False)
    (call,) = await emulator.wait_ended(1)
    assert call.request_id == event.id


@pytest.mark.parametrize(
    "options", ["", "-split-bytes", "-crlf", "-comments", "-usage-null-omitted", "-unknown-fields"]
)
@pytest.mark.parametrize("asks", [False, True])
async def test_a_stream_shows_usage_only_to_who_asked(
    sdk: AsyncOpenAI, model: Model, control: Any, options: str, asks: bool
) -> None:
    alias = await model(f"emulated-chunks-5-tokens-9-3-5-0{options}")
    more: Any = {"stream_options": {"include_usage": True}} if asks else {}
    text, usages = "", []
    async for chunk in await sdk.chat.completions.create(model=alias, messages=HELLO, stream=True, **more):
        if chunk.choices:
            text += chunk.choices[0].delta.content or ""
        if "usage" in chunk.model_fields_set and (chunk.usage is not None or not asks):
            usages.append(chunk.usage)
    assert text.split() == ["000", "001", "002", "003", "004"]
    assert len(usages) == (1 if asks else 0)
    event = await only_event(control)
    assert event.data.tokens == Tokens(input=9, cached_input=3, output=5)
    assert (event.data.status, event.data.stream, event.data.estimated) == ("succeeded", True, False)
    assert event.data.first_token_ms is not None


async def test_tools_images_schemas_and_unknown_fields_reach_the_provider_byte_for_byte(
    edge: Any, key: str, control: Any
) -> None:
    body = {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is thís? 😀 answer in json"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                ],
            }
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "response_format": {"type": "json_object"},
        "reasoning_effort": "low",
        "seed": 9007199254740991,
        "temperature": 0.30000000000000004,
        "x_vendor": {"nested": [1, 2.50, None]},
        "model": "strange",
    }
    text = json.dumps(body, ensure_ascii=False)
    async with Emulator(allow_unknown=True) as emulator, httpx.AsyncClient(base_url=edge.url) as client:
        await control.model("strange", emulator.base_url, model="emulated")
        headers = {"authorization": f"Bearer {key}"}
        async with asyncio.timeout(5):
            while (await client.get("/v1/models/strange", headers=headers)).status_code != 200:
                await asyncio.sleep(0.005)
        response = await client.post("/v1/chat/completions", headers=headers, content=text.encode())
        assert response.status_code == 200, response.text
        (call,) = await emulator.wait_ended(1)
    assert json.loads(call.raw_body) == {**body, "model": "emulated"}
    assert '"temperature":0.30000000000000004' in call.raw_body.decode().replace(" ", "")


async def test_tool_calls_come_back_plain_and_streamed(sdk: AsyncOpenAI, model: Model) -> None:
    alias = await model("emulated")
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]
    plain = await sdk.chat.completions.create(model=alias, messages=HELLO, tools=tools, tool_choice="required")
    assert plain.choices[0].finish_reason == "tool_calls"
    async with sdk.chat.completions.stream(model=alias, messages=HELLO, tools=tools, tool_choice="required") as stream:
        final = await stream.get_final_completion()
    for calls in (plain.choices[0].message.tool_calls, final.choices[0].message.tool_calls):
        assert calls
        assert "city" in json.loads(calls[0].function.arguments)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "error", "status", "code"),
    [
        ("emulated-error-400", openai.BadRequestError, 400, None),
        ("emulated-error-401", openai.InternalServerError, 502, "provider_credential_refused"),
        ("emulated-error-403", openai.InternalServerError, 502, "provider_credential_refused"),
        ("emulated-error-404", openai.NotFoundError, 404, None),
        ("emulated-error-422", openai.UnprocessableEntityError, 422, None),
        ("emulated-error-429", openai.RateLimitError, 429, "provider_rate_limited"),
        ("emulated-error-500", openai.InternalServerError, 502, "provider_failed"),
        ("emulated-error-503", openai.InternalServerError, 502, "provider_failed"),
        ("emulated-html-502", openai.InternalServerError, 502, "provider_failed"),
        ("emulated-malformed", openai.InternalServerError, 502, "provider_reply_invalid"),
        ("emulated-cut-after-0", openai.InternalServerError, 502, "provider_connection_lost"),
        ("emulated-cut-after-1", openai.InternalServerError, 502, "provider_connection_lost"),
        ("emulated-close-after-1", openai.InternalServerError, 502, "provider_connection_lost"),
    ],
)
async def test_a_providers_failure_is_told_in_the_sdks_own_classes(
    sdk: AsyncOpenAI,
    model: Model,
    control: Any,
    name: str,
    error: type[openai.APIStatusError],
    status: int,
    code: str | None,
) -> None:
    alias = await model(name)
    with pytest.raises(error) as raised:
        await sdk.chat.completions.create(model=alias, messages=HELLO)
    assert raised.value.status_code == status
    assert code is None or raised.value.code == code
    event = await only_event(control)
    assert (event.data.status, event.data.http_status, event.data.cost_nano_usd) == ("failed", status, "0")
    assert event.data.error_code


async def test_retry_after_is_passed_on(sdk: AsyncOpenAI, model: Model) -> None:
    alias = await model("emulated-error-429-retry-after-7")
    with pytest.raises(openai.RateLimitError) as raised:
        await sdk.chat.completions.create(model=alias, messages=HELLO)
    assert raised.value.response.headers["retry-after"] == "7"


async def test_a_provider_nobody_listens_at(sdk: AsyncOpenAI, model: Model, control: Any) -> None:
    alias = await model("emulated", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(openai.InternalServerError) as raised:
        await sdk.chat.completions.create(model=alias, messages=HELLO)
    assert raised.value.code == "provider_unreachable"
    assert (await only_event(control)).data.error_code == "provider_unreachable"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("emulated-chunks-20-cut-after-4", "provider_connection_lost"),
        ("emulated-chunks-20-close-after-4", "provider_connection_lost"),
        ("emulated-chunks-20-end-after-4", "provider_stream_truncated"),
        ("emulated-chunks-20-error-after-4", "provider_stream_error"),
    ],
)
async def test_a_stream_that_fails_midway_ends_in_an_error_event_and_is_billed_for_what_came(
    sdk: AsyncOpenAI, model: Model, control: Any, name: str, code: str
) -> None:
    alias = await model(name)
    seen = 0
    with pytest.raises(openai.APIError) as raised:
        async for _ in await sdk.chat.completions.create(model=alias, messages=HELLO, stream=True):
            seen += 1
    assert raised.value.code == code
    assert "emulat" not in raised.value.message.lower()
    data = (await only_event(control)).data
    assert (data.status, data.error_code, data.estimated) == ("failed", code, True)
    assert 3 <= data.tokens.output <= 5
    assert seen >= 3


@pytest.mark.parametrize(
    ("name", "code"),
    [("emulated-error-after-0", "provider_stream_error"), ("emulated-end-after-0", "provider_stream_truncated")],
)
async def test_a_stream_that_fails_before_its_first_token_still_gets_a_status(
    sdk: AsyncOpenAI, model: Model, name: str, code: str
) -> None:
    alias = await model(name)
    with pytest.raises(openai.InternalServerError) as raised:
        await sdk.chat.completions.create(model=alias, messages=HELLO, stream=True)
    assert (raised.value.status_code, raised.value.code) == (502, code)


async def test_no_usage_from_the_provider_is_estimated_and_marked(sdk: AsyncOpenAI, model: Model, control: Any) -> None:
    alias = await model("emulated-chunks-5-no-usage")
    await sdk.chat.completions.create(model=alias, messages=HELLO)
    async for _ in await sdk.chat.completions.create(model=alias, messages=HELLO, stream=True):
        pass
    for event in await control.usage(2):
        assert event.data.estimated
        assert event.data.tokens.input > 0
        assert event.data.tokens.output > 0


async def test_a_client_that_leaves_a_stream_ends_it_upstream_and_is_accounted(
    sdk: AsyncOpenAI, model: Model, control: Any, emulator: Emulator
) -> None:
    alias = await model("emulated-chunks-1000-delay-20")
    stream = await sdk.chat.completions.create(model=alias, messages=HELLO, stream=True)
    seen = 0
    async for _ in stream:
        seen += 1
        if seen == 5:
            break
    await stream.close()
    data = (await only_event(control)).data
    assert (data.status, data.http_status, data.error_code) == ("aborted", 499, "client_disconnected")
    assert 4 <= data.tokens.output <= 50
    assert int(data.cost_nano_usd) > 0
    (call,) = await emulator.wait_ended(1)
    assert call.state == "aborted"


async def test_a_client_that_leaves_a_plain_call_is_accounted_in_full(
    edge: Any, key: str, model: Model, control: Any
) -> None:
    alias = await model("emulated-slow-first-byte-600-tokens-7-0-9-0")
    async with httpx.AsyncClient(base_url=edge.url, timeout=0.2) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(
                "/v1/chat/completions",
                json={"model": alias, "messages": HELLO},
                headers={"authorization": f"Bearer {key}"},
            )
    data = (await only_event(control)).data
    assert (data.status, data.tokens.input, data.tokens.output) == ("succeeded", 7, 9)


async def test_a_slow_client_slows_the_provider_instead_of_filling_memory(
    edge: Any, key: str, model: Model, emulator: Emulator
) -> None:
    alias = await model("emulated-huge-2000")  # 125 MiB
    body = json.dumps({"model": alias, "messages": HELLO, "stream": True}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.settings.listen_port, limit=1024)
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b"
        % (key.encode(), len(body), body)
    )
    await reader.readline()
    sent = -1
    async with asyncio.timeout(20):
        while sent != (sent := emulator.calls[0].bytes_sent):  # until the provider is stuck
            await asyncio.sleep(0.5)
    assert sent < 40 * 1024 * 1024
    writer.transport.abort()
    (call,) = await emulator.wait_ended(1)
    assert call.state == "aborted"


@pytest.mark.parametrize(
    ("name", "stream", "limits"),
    [
        ("emulated-silent", False, {"upstream_first_byte_timeout": 0.3}),
        ("emulated-silent", True, {"upstream_first_byte_timeout": 0.3}),
        ("emulated-chunks-9-stall-after-3", True, {"upstream_idle_timeout": 0.3}),
        ("emulated-chunks-99-delay-50", True, {"upstream_total_timeout": 0.5}),
        ("emulated-silent", False, {"upstream_total_timeout": 0.3}),
    ],
)
async def test_a_provider_that_takes_too_long(
    run_an_edge: Any, control: Any, key: str, emulator: Emulator, name: str, stream: bool, limits: dict[str, float]
) -> None:
    await control.model("slow", emulator.base_url, model=name, credential="sk-upstream")
    async with run_an_edge(**limits) as edge, AsyncOpenAI(base_url=f"{edge.url}/v1", api_key=key, max_retries=0) as sdk:
        with pytest.raises(openai.APIError) as raised:
            answer: Any = await sdk.chat.completions.create(model="slow", messages=HELLO, stream=stream)
            if stream:
                async for _ in answer:
                    pass
        assert raised.value.code == "provider_timeout"
        if not isinstance(raised.value, openai.APIStatusError):
            assert stream
        else:
            assert raised.value.status_code == 504
        assert (await only_event(control)).data.error_code == "provider_timeout"


async def test_the_sdk_gives_up_and_the_edge_goes_on(edge: Any, key: str, model: Model, control: Any) -> None:
    alias = await model("emulated-slow-first-byte-500")
    async with AsyncOpenAI(base_url=f"{edge.url}/v1", api_key=key, max_retries=0, timeout=0.2) as sdk:
        with pytest.raises(openai.APITimeoutError):
            await sdk.chat.completions.create(model=alias, messages=HELLO)
    assert (await only_event(control)).data.status == "succeeded"


async def test_many_calls_at_once_are_each_recorded_once(
    sdk: AsyncOpenAI, model: Model, control: Any, emulator: Emulator
) -> None:
    alias = await model("emulated-chunks-3")

    async def call(stream: bool) -> None:
        answer: Any = await sdk.chat.completions.create(model=alias, messages=HELLO, stream=stream)
        if stream:
            async for _ in answer:
                pass

    await asyncio.gather(*(call(number % 2 == 0) for number in range(200)))
    events = await control.usage(200)
    assert sorted(event.id for event in events) == sorted(str(call.request_id) for call in emulator.calls)


async def test_metrics_count_what_happened(edge: Any, sdk: AsyncOpenAI, model: Model, control: Any) -> None:
    alias = await model("emulated-tokens-5-0-6-0")
    await sdk.chat.completions.create(model=alias, messages=HELLO)
    async for _ in await sdk.chat.completions.create(model=alias, messages=HELLO, stream=True):
        pass
    (first, _) = await control.usage(2)
    async with httpx.AsyncClient(base_url=edge.url) as client:
        text = (await client.get("/metrics")).text
    labels = 'operation="chat",provider="openai-compatible"'
    assert f'omg_edge_calls_total{{{labels},status="succeeded"}} 2.0' in text
    assert f'omg_edge_tokens_total{{kind="output",{labels}}} 12.0' in text
    assert f"omg_edge_cost_nano_usd_total{{{labels}}} {2 * float(first.data.cost_nano_usd)}" in text
    assert f'gen_ai_server_request_duration_seconds_bucket{{le="+Inf",{labels}}} 2.0' in text
    assert f'gen_ai_server_time_per_output_token_seconds_bucket{{le="+Inf",{labels}}} 1.0' in text
    assert f'omg_edge_breaker_state{{route="{first.data.route_id}"}} 0.0' in text
    assert "omg_edge_calls_in_flight 0.0" in text


async def test_metrics_can_be_switched_off(run_an_edge: Any) -> None:
    async with run_an_edge(enable_metrics=False) as edge, httpx.AsyncClient(base_url=edge.url) as client:
        assert (await client.get("/metrics")).status_code == 404
        assert (await client.get("/healthz")).status_code == 200
