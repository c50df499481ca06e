"""Streamed answers: read by the official SDK, and looked at as bytes."""

import json
from typing import Any

import httpx
import pytest
from openai import APIError, AsyncOpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam

from common.testing.emulator import Emulator

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello!"}]
GREETING = "Hello, здравствуй, 你好, 🙂! This is the emulated model."
TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        },
    }
    for name in ("one", "two")
]


async def stream(client: AsyncOpenAI, model: str = "emulated", **fields: Any) -> list[ChatCompletionChunk]:
    chunks = await client.chat.completions.create(model=model, messages=HELLO, stream=True, **fields)
    return [chunk async for chunk in chunks]


async def raw(http: httpx.AsyncClient, model: str, **fields: Any) -> str:
    body = {"model": model, "messages": HELLO, "stream": True, **fields}
    response = await http.post("/v1/chat/completions", json=body)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    return response.text


def payloads(text: str) -> list[Any]:
    events = [event.removeprefix("data: ") for event in text.split("\n\n") if event]
    assert events.pop() == "[DONE]"
    return [json.loads(event) for event in events]


def text_of(chunks: list[ChatCompletionChunk], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(choice.delta.content or "" for choice in choices)


async def test_a_greeting(client: AsyncOpenAI, emulator: Emulator) -> None:
    chunks = await stream(client)
    assert text_of(chunks) == GREETING
    assert len({(chunk.id, chunk.created, chunk.model, chunk.system_fingerprint) for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    [call] = emulator.calls
    assert (call.state, call.stream, call.usage_sent) == ("finished", True, False)
    assert call.events_sent == len(chunks) + 1  # the end mark
    assert call.tokens is not None
    assert call.tokens.output == len(chunks) - 2


async def test_usage_is_reported_only_when_asked_for(http: httpx.AsyncClient, emulator: Emulator) -> None:
    unasked = payloads(await raw(http, "emulated"))
    assert not any("usage" in chunk for chunk in unasked)
    asked = payloads(await raw(http, "emulated", stream_options={"include_usage": True}))
    assert [chunk["usage"] for chunk in asked[:-1]] == [None] * len(unasked)
    assert asked[-1]["choices"] == []
    assert emulator.calls[1].tokens is not None
    assert asked[-1]["usage"]["completion_tokens"] == emulator.calls[1].tokens.output
    assert [call.usage_sent for call in emulator.calls] == [False, True]


@pytest.mark.parametrize(
    ("model", "with_field", "last_has_choices"),
    [
        ("emulated-usage-null-omitted", 1, False),
        ("emulated-usage-null-omitted-usage-with-finish", 1, True),
        ("emulated-no-usage", 0, True),
    ],
)
async def test_other_ways_to_report_usage(
    http: httpx.AsyncClient, model: str, with_field: int, last_has_choices: bool
) -> None:
    chunks = payloads(await raw(http, model, stream_options={"include_usage": True}))
    assert sum("usage" in chunk for chunk in chunks) == with_field
    assert bool(chunks[-1]["choices"]) is last_has_choices
    assert ("usage" in chunks[-1]) is bool(with_field)


async def test_choices_take_turns_and_each_is_whole(client: AsyncOpenAI) -> None:
    chunks = await stream(client, "emulated-chunks-4", n=2)
    assert [chunk.choices[0].index for chunk in chunks] == [0, 1] * 6
    assert text_of(chunks, 0) == text_of(chunks, 1) == "000 001 002 003 "
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:]] == ["stop", "stop"]


async def test_usage_with_the_finish_of_the_last_of_several_choices(http: httpx.AsyncClient) -> None:
    options = {"stream_options": {"include_usage": True}, "n": 2}
    chunks = payloads(await raw(http, "emulated-chunks-4-usage-with-finish", **options))
    assert [bool(chunk["usage"]) for chunk in chunks] == [False] * 11 + [True]


async def test_parallel_tool_calls(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(
        model="emulated", messages=HELLO, tools=TOOLS, tool_choice="required"
    ) as events:
        reply = await events.get_final_completion()
    calls = reply.choices[0].message.tool_calls or []
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == [
        ("one", {"a": "text"}),
        ("two", {"a": "text"}),
    ]
    assert reply.choices[0].finish_reason == "tool_calls"


async def test_deltas_of_tool_calls_come_as_from_openai(client: AsyncOpenAI) -> None:
    chunks = await stream(client, tools=TOOLS, tool_choice="required")
    assert chunks[0].choices[0].delta.content is None
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    for index in (0, 1):
        first, *others = [delta for delta in deltas if delta.index == index]
        assert first.function is not None
        assert first.id is not None
        assert (first.type, first.function.arguments) == ("function", "")
        assert len(others) > 1
        assert {(delta.id, delta.type, delta.function and delta.function.name) for delta in others} == {(None,) * 3}


async def test_a_function_of_the_old_kind(client: AsyncOpenAI) -> None:
    chunks = await stream(client, functions=[{"name": "old"}], function_call={"name": "old"})
    calls = [chunk.choices[0].delta.function_call for chunk in chunks]
    assert "".join(call.name or "" for call in calls if call) == "old"
    assert "".join(call.arguments or "" for call in calls if call) == "{}"
    assert chunks[-1].choices[0].finish_reason == "function_call"


async def test_a_refusal_and_log_probabilities(client: AsyncOpenAI) -> None:
    chunks = await stream(client, "emulated-refuse", logprobs=True)
    refusal = "".join(chunk.choices[0].delta.refusal or "" for chunk in chunks)
    tokens = [chunk.choices[0].logprobs.refusal for chunk in chunks if chunk.choices[0].logprobs]
    assert refusal == "".join(part.token for parts in tokens for part in parts or []) != ""


@pytest.mark.parametrize("asked", [None, True, False])
async def test_obfuscation_is_there_unless_unwanted(http: httpx.AsyncClient, asked: bool | None) -> None:
    options = {} if asked is None else {"stream_options": {"include_obfuscation": asked}}
    chunks = payloads(await raw(http, "emulated", **options))
    assert {"obfuscation" in chunk for chunk in chunks} == {asked is not False}


async def test_moderation_has_a_chunk_of_its_own(client: AsyncOpenAI) -> None:
    chunks = await stream(client, moderation={"model": "omni-moderation-latest"})
    assert [chunk.moderation is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


async def test_unknown_fields(client: AsyncOpenAI) -> None:
    first, *_ = await stream(client, "emulated-unknown-fields")
    assert "x_chunk" in (first.model_extra or {})
    assert first.choices[0].delta.model_extra == {"reasoning_content": "Thinking…"}


@pytest.mark.parametrize("options", ["split-bytes", "crlf", "comments", "split-bytes-crlf-comments"])
async def test_odd_framing_reads_the_same(client: AsyncOpenAI, options: str) -> None:
    assert text_of(await stream(client, f"emulated-{options}")) == GREETING


async def test_line_ends_and_comments_are_on_the_wire(http: httpx.AsyncClient) -> None:
    text = await raw(http, "emulated-crlf-comments-chunks-1")
    assert text.count("\r\n\r\n") == text.count("\n") // 2 == 8  # three chunks and the end mark, each with a comment
    assert text.count(": keep-alive\r\n") == 4


async def test_pieces_cut_through_events_and_characters(http: httpx.AsyncClient) -> None:
    body = {"model": "emulated-split-bytes", "messages": HELLO, "stream": True}
    async with http.stream("POST", "/v1/chat/completions", json=body) as response:
        pieces = [piece async for piece in response.aiter_raw()]
    assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
    assert any(b"\n\n" in piece[:-2] for piece in pieces)
    assert any(not _is_text(piece) for piece in pieces)


def _is_text(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


async def test_an_error_in_the_middle(client: AsyncOpenAI, emulator: Emulator) -> None:
    chunks = await client.chat.completions.create(model="emulated-error-mid-stream", messages=HELLO, stream=True)
    seen = 0
    with pytest.raises(APIError, match="The server had an error while processing your request"):
        async for _ in chunks:
            seen += 1
    assert (seen, emulator.calls[0].state) == (2, "cut")


async def test_an_end_without_an_end_mark(http: httpx.AsyncClient, emulator: Emulator) -> None:
    text = await raw(http, "emulated-end-after-3")
    assert text.count("data: ") == 3
    assert "[DONE]" not in text
    assert emulator.calls[0].state == "cut"


async def test_one_event_is_not_json(http: httpx.AsyncClient) -> None:
    events = (await raw(http, "emulated-malformed")).split("\n\n")
    broken = []
    for number, event in enumerate(events[:-2]):
        try:
            json.loads(event.removeprefix("data: "))
        except ValueError:
            broken.append(number)
    assert broken == [2]
