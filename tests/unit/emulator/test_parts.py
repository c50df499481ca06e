"""The parts: names of behaviours, token counts, values for JSON schemas, and the checkers beside pydantic's own judgement."""

import re
from random import Random
from typing import Any

import jsonschema_rs
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)

from common.events.usage import Tokens
from common.testing import emulator
from common.testing.emulator.behaviour import OPTIONS, Behaviour, UnknownModel, draw_behaviour, read_behaviour
from common.testing.emulator.json_schema import NoInstance, minimal_instance, strict_mode_fault
from common.testing.emulator.sdk_types import Mismatch, object_checker
from common.testing.emulator.tokens import count, split


def test_the_table_for_readers_has_every_option_and_no_other() -> None:
    documented = re.findall(r"^\| `([a-zN-]+)` \|", emulator.__doc__ or "", re.MULTILINE)
    assert documented == list(OPTIONS)


@pytest.mark.parametrize(
    ("model", "behaviour"),
    [
        ("emulated", Behaviour()),
        ("emulated-slow-first-byte-2000", Behaviour(first_byte_delay=2.0)),
        ("emulated-chunks-5-delay-20", Behaviour(pieces=5, event_delay=0.02)),
        ("emulated-delay-20-chunks-5-crlf-echo", Behaviour(pieces=5, event_delay=0.02, crlf=True, echo=True)),
        ("emulated-error-mid-stream", Behaviour(error_after=2)),
        ("emulated-error-after-7", Behaviour(error_after=7)),
        ("emulated-error-429-retry-after-9", Behaviour(error_status=429, retry_after=9)),
        ("emulated-error-429-no-retry-after", Behaviour(error_status=429, retry_after=None)),
        ("emulated-html-502", Behaviour(error_status=502, html=True)),
        ("emulated-tokens-4-3-2-1", Behaviour(tokens=Tokens(input=4, cached_input=3, output=2, reasoning=1))),
    ],
)
def test_a_name_is_read(model: str, behaviour: Behaviour) -> None:
    assert read_behaviour(model) == behaviour


@pytest.mark.parametrize(
    "model",
    [
        "emulated-percent-101",
        "",
        "gpt-4o",
        "emulated-",
        "emulated--echo",
        "emulated-echoes",
        "emulated-delay",
        "emulated-delay-x",
        "Emulated",
    ],
)
def test_a_misspelt_name_is_no_name(model: str) -> None:
    with pytest.raises(UnknownModel):
        read_behaviour(model)


def test_a_share_of_the_calls_goes_wrong_and_the_content_of_the_others_is_the_same() -> None:
    chance, usual = Random(7), Behaviour(pieces=5, percent=20)
    drawn = [draw_behaviour("emulated-error-500-slow-first-byte-9-chunks-5-percent-20", chance) for _ in range(2000)]
    faulty = [each for each in drawn if each != usual]
    assert 330 < len(faulty) < 470
    assert set(faulty) == {Behaviour(error_status=500, first_byte_delay=0.009, pieces=5, percent=20)}
    assert {draw_behaviour("emulated-error-500", chance) for _ in range(100)} == {Behaviour(error_status=500)}
    assert {draw_behaviour("emulated-error-500-percent-0", chance) for _ in range(100)} == {Behaviour(percent=0)}


@given(st.text())
def test_the_pieces_of_a_text_are_its_tokens(text: str) -> None:
    assert "".join(split(text)) == text
    assert len(split(text)) == count(text)


NODE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
    "required": ["name", "next"],
}


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({}, "text"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {}),
        ({"type": ["null", "boolean"]}, True),
        ({"type": "array", "items": {"const": 7}, "minItems": 2}, [7, 7]),
        ({"type": "integer", "minimum": 5, "multipleOf": 3}, 6),
        ({"type": "integer", "exclusiveMinimum": 6, "multipleOf": 3}, 9),
        ({"type": "number", "exclusiveMaximum": 0}, -1),
        ({"type": "string", "minLength": 6}, "textte"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "format": "date-time"}, "2026-01-02T03:04:05Z"),
        ({"enum": ["b", "a"]}, "b"),
        ({"$ref": "#/$defs/node", "$defs": {"node": NODE}}, {"name": "text", "next": None}),
        ({"allOf": [{"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}]}, {"a": 1}),
    ],
)
def test_a_small_value_for_a_schema(schema: dict[str, Any], instance: Any) -> None:
    assert jsonschema_rs.is_valid(schema, instance, validate_formats=True)
    assert minimal_instance(schema) == instance


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^[0-9]{9}$"},
        {"not": {}},
        {"$ref": "#/$defs/none"},
        {"$ref": "https://example.com/schema"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    ],
)
def test_a_schema_that_asks_too_much(schema: dict[str, Any]) -> None:
    with pytest.raises(NoInstance):
        minimal_instance(schema)


def test_strict_mode_looks_into_every_object() -> None:
    inner: dict[str, Any] = {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}
    schema = {"type": "object", "properties": {"a": inner}, "required": ["a"], "additionalProperties": False}
    assert "('properties', 'a')" in (strict_mode_fault(schema) or "")
    inner["additionalProperties"] = False
    assert strict_mode_fault(schema) is None


check_request = object_checker(CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming)
by_pydantic = [
    pydantic.TypeAdapter(one) for one in (CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming)
]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.floats(-2, 3)
    | st.sampled_from(["user", "text", "function", "auto", "f", "low"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "name", "function", "parameters", "url", "image_url"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)
fields = st.dictionaries(
    st.sampled_from(
        [
            "messages",
            "tools",
            "tool_choice",
            "stop",
            "n",
            "temperature",
            "stream",
            "stream_options",
            "metadata",
            "response_format",
            "reasoning_effort",
            "user",
        ]
    ),
    values,
    max_size=3,
)
HELLO = {"model": "m", "messages": [{"role": "user", "content": "Hello!"}]}


@given(fields)
def test_what_is_accepted_pydantic_accepts_too(changes: dict[str, Any]) -> None:
    body = {**HELLO, **changes}
    try:
        check_request(body, "", None)
    except Mismatch:
        return
    assert any(_accepts(adapter, body) for adapter in by_pydantic)


def _accepts(adapter: pydantic.TypeAdapter[Any], body: dict[str, Any]) -> bool:
    try:
        adapter.validate_python(body)
    except pydantic.ValidationError:
        return False
    return True


COMPLETION: dict[str, Any] = {
    "id": "a",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello!"}}],
}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"object": "chat.completion.chunk"}, "object"),
        ({"created": "1"}, "created"),
        ({"x": 1}, "x"),
        ({"usage": {"prompt_tokens": 1}}, "usage.completion_tokens"),
        ({"choices": [{"index": 0, "finish_reason": "stop"}]}, "choices[0].message"),
    ],
)
def test_a_reply_that_the_sdk_does_not_know_would_be_noticed(changes: dict[str, Any], path: str) -> None:
    check_reply = object_checker(ChatCompletion)
    check_reply(COMPLETION, "", None)
    with pytest.raises(Mismatch) as raised:
        check_reply({**COMPLETION, **changes}, "", None)
    assert raised.value.path == path
