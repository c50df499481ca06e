"""A call through the edge is the call the client made, and its answer the one the provider gave: compared with the direct way.

Only the top level's spacing and order, the field `model`, and the question for usage in a stream may differ on the way there;
only the line ends and comments of a stream on the way back.
"""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.conftest import TwoWays, comparable

ASK = {"role": "user", "content": "Hello there, grüß Gott, 你好 🙂"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
TOOLS = [
    {"type": "function", "function": {"name": name, "description": "é", "parameters": SCHEMA, "strict": True}}
    for name in ("one", "two")
]
CALLS = [{"id": "call_1", "type": "function", "function": {"name": "one", "arguments": '{"a":"\\u00e9 \\n"}'}}]

REQUESTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "every number": {
        "temperature": 0.30000000000000004,
        "top_p": 1,
        "seed": 9007199254740993,
        "presence_penalty": -0.0,
    },
    "nulls": {"temperature": None, "stop": None, "n": None, "stream_options": None, "reasoning_effort": None},
    "several choices": {"n": 3, "max_completion_tokens": 5, "stop": ["\u2028", "zzz"]},
    "log probabilities": {"logprobs": True, "top_logprobs": 3},
    "a tool": {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "two"}}},
    "tools": {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": True},
    "a tool's result": {
        "tools": TOOLS,
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
            ASK,
            {"role": "assistant", "content": None, "tool_calls": CALLS},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": '{"b": 1}'}]},
        ],
    },
    "an old function": {"functions": [{"name": "old"}], "function_call": {"name": "old"}},
    "content parts": {
        "messages": [
            {
                "role": "user",
                "name": "me",
                "content": [
                    {"type": "text", "text": 'a\u0000b \\ / " 🙂'},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "high"}},
                    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                ],
            }
        ]
    },
    "structured output": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "strict": True, "schema": SCHEMA}}
    },
    "any JSON": {"messages": [{"role": "user", "content": "json"}], "response_format": {"type": "json_object"}},
    "the rest": {
        "reasoning_effort": "high",
        "verbosity": "low",
        "service_tier": "flex",
        "store": True,
        "metadata": {"a": "b"},
        "user": "u",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "prompt_cache_retention": "24h",
        "prediction": {"type": "content", "content": "Hello"},
        "web_search_options": {"user_location": {"type": "approximate", "approximate": {"country": "FR"}}},
        "logit_bias": {"50256": -100},
        "moderation": {"model": "omni-moderation-latest"},
    },
    "fields nobody knows": {"x_new": {"usage": None, "model": "inner", "n": [1, 2.50, 1e-7]}, "thinking": {"on": True}},
}
MODELS = ["emulated", "emulated-unknown-fields", "emulated-refuse", "emulated-echo", "emulated-tokens-900-800-70-60"]
STREAMS = [
    *MODELS,
    "emulated-crlf",
    "emulated-comments",
    "emulated-split-bytes",
    "emulated-split-bytes-crlf-comments",
    "emulated-no-usage",
    "emulated-usage-null-omitted",
    "emulated-usage-with-finish",
    "emulated-usage-with-finish-unknown-fields-crlf",
    "emulated-chunks-300",
    "emulated-huge-20",
]


def body(model: str, fields: dict[str, Any], *, stream: bool = False) -> dict[str, Any]:
    return {"messages": [ASK], **fields, "model": model, **({"stream": True} if stream else {})}


def exactly(raw: bytes) -> Any:
    """JSON with its numbers as they were written."""
    return json.loads(raw, parse_float=str, parse_int=str)


def data_of(stream: bytes) -> list[bytes]:
    """The data of each event."""
    lines = comparable(stream).replace(b"\r\n", b"\n").split(b"\n")
    return [line for line in lines if line.startswith(b"data: ")]


@pytest.mark.parametrize("ascii_only", [True, False], ids=["escaped", "utf-8"])
@pytest.mark.parametrize("name", REQUESTS)
async def test_a_request_arrives_as_it_was_sent_and_its_answer_comes_back_as_given(
    two_ways: TwoWays, name: str, ascii_only: bool
) -> None:
    sent = json.dumps(body("emulated", REQUESTS[name]), ensure_ascii=ascii_only, indent=1).encode()
    direct, through = await two_ways.send("emulated", sent)
    arrived_direct, arrived_through = await two_ways.arrived()
    assert exactly(arrived_through.raw_body) == exactly(sent)
    assert arrived_through.unknown_fields == arrived_direct.unknown_fields
    assert (direct.status_code, through.status_code) == (200, 200)
    assert comparable(through.content) == comparable(direct.content)
    assert through.headers["content-type"] == direct.headers["content-type"]


@pytest.mark.parametrize("model", MODELS)
async def test_a_whole_answer_comes_back_byte_for_byte(two_ways: TwoWays, model: str) -> None:
    direct, through = await two_ways.send(model, json.dumps(body(model, {"logprobs": True})).encode())
    assert comparable(through.content) == comparable(direct.content)


@pytest.mark.parametrize("asks", [True, False, None], ids=["asks for usage", "declines", "says nothing"])
@pytest.mark.parametrize("model", STREAMS)
async def test_a_stream_comes_back_event_for_event(two_ways: TwoWays, model: str, asks: bool | None) -> None:
    options = {} if asks is None else {"stream_options": {"include_usage": asks}}
    sent = json.dumps(body(model, options, stream=True)).encode()
    direct, through = await two_ways.send(model, sent)
    assert data_of(through.content) == data_of(direct.content)
    assert through.headers["content-type"] == direct.headers["content-type"]
    _, arrived = await two_ways.arrived()
    expected = {**json.loads(sent), "stream_options": {"include_usage": True}}
    assert arrived.body == expected


@pytest.mark.parametrize("asks", [True, False], ids=["asks for usage", "does not"])
@pytest.mark.parametrize("name", REQUESTS)
async def test_every_kind_of_request_streams_the_same(two_ways: TwoWays, name: str, asks: bool) -> None:
    fields = {**REQUESTS[name], **({"stream_options": {"include_usage": True}} if asks else {})}
    direct, through = await two_ways.send("emulated", json.dumps(body("emulated", fields, stream=True)).encode())
    assert direct.status_code == 200, direct.text
    assert data_of(through.content) == data_of(direct.content)


async def test_other_stream_options_are_kept(two_ways: TwoWays) -> None:
    options = {"stream_options": {"include_obfuscation": False, "x_new": 1}}
    direct, through = await two_ways.send("emulated", json.dumps(body("emulated", options, stream=True)).encode())
    assert data_of(through.content) == data_of(direct.content)
    assert b"obfuscation" not in through.content
    _, arrived = await two_ways.arrived()
    assert arrived.body["stream_options"] == {**options["stream_options"], "include_usage": True}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 3},
        {"n": 0},
        {"messages": []},
        {"messages": [{"role": "robot", "content": "a"}]},
        {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
        {"messages": [ASK, {"role": "tool", "tool_call_id": "a", "content": "b"}]},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "text"}}}]},
        {"tool_choice": "auto"},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "strict": True, "schema": {}}}},
    ],
    ids=lambda fields: json.dumps(fields)[:50],
)
async def test_what_the_provider_refuses_is_told_in_its_words(
    two_ways: TwoWays, fields: dict[str, Any], stream: bool
) -> None:
    sent = json.dumps(body("emulated", fields, stream=stream)).encode()
    direct, through = await two_ways.send("emulated", sent)
    assert direct.status_code == 400
    assert (through.status_code, through.json()) == (direct.status_code, direct.json())


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    fields=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map("x_{}".format), anything)
)
async def test_whatever_a_field_holds_it_arrives(two_ways: TwoWays, fields: dict[str, Any]) -> None:
    sent = json.dumps(body("emulated", fields)).encode()
    _, through = await two_ways.send("emulated", sent)
    assert through.status_code == 200, through.text
    _, arrived = await two_ways.arrived()
    assert exactly(arrived.raw_body) == exactly(sent)
