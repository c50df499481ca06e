"""Whole answers, read by the official SDK."""

import json
from typing import Any, Literal

import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from common.events.usage import Tokens
from common.testing.emulator import Emulator

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello!"}]
GREETING = "Hello, здравствуй, 你好, 🙂! This is the emulated model."


def tool(name: str, **properties: Any) -> ChatCompletionToolParam:
    parameters: dict[str, object] = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


WEATHER = tool("get_weather", city={"type": "string"}, unit={"enum": ["celsius", "kelvin"]}, days={"type": "integer"})
TIME = tool("get_time", zone={"type": "string"})


def arguments(reply: ChatCompletion) -> list[tuple[str, Any]]:
    calls = reply.choices[0].message.tool_calls or []
    return [(call.function.name, json.loads(call.function.arguments)) for call in calls if call.type == "function"]


async def test_a_greeting(client: AsyncOpenAI, emulator: Emulator) -> None:
    reply = await client.chat.completions.create(model="emulated", messages=HELLO)
    assert (reply.object, reply.model) == ("chat.completion", "emulated")
    assert (reply.service_tier, reply.system_fingerprint) == ("default", "fp_emulator01")
    [choice] = reply.choices
    assert (choice.index, choice.finish_reason, choice.logprobs) == (0, "stop", None)
    assert (choice.message.role, choice.message.content, choice.message.refusal) == ("assistant", GREETING, None)
    assert reply.usage is not None
    # 3 for the answer's start, 4 for the message, and its 6 characters; the greeting has 55.
    assert reply.usage.prompt_tokens == 3 + 4 + 2
    assert reply.usage.completion_tokens == -(-len(GREETING) // 4)
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens
    [call] = emulator.calls
    assert call.tokens == Tokens(input=9, output=-(-len(GREETING) // 4))
    assert (call.state, call.status, call.usage_sent, call.refused) == ("finished", 200, True, None)


async def test_usage_details(client: AsyncOpenAI, emulator: Emulator) -> None:
    reply = await client.chat.completions.create(
        model="emulated", messages=HELLO, prompt_cache_key="k", reasoning_effort="low"
    )
    usage = reply.usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert usage.completion_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 4
    assert usage.completion_tokens_details.reasoning_tokens == 16
    assert emulator.calls[0].tokens == Tokens(input=9, cached_input=4, output=14 + 16, reasoning=16)


async def test_the_models_name_can_set_the_tokens(client: AsyncOpenAI, emulator: Emulator) -> None:
    reply = await client.chat.completions.create(model="emulated-tokens-1000-200-50-10", messages=HELLO)
    assert reply.usage is not None
    assert reply.usage.total_tokens == 1050
    assert emulator.calls[0].tokens == Tokens(input=1000, cached_input=200, output=50, reasoning=10)


async def test_no_usage(client: AsyncOpenAI, emulator: Emulator) -> None:
    reply = await client.chat.completions.create(model="emulated-no-usage", messages=HELLO)
    assert reply.usage is None
    assert emulator.calls[0].tokens is not None
    assert not emulator.calls[0].usage_sent


async def test_several_choices(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(model="emulated-chunks-5", messages=HELLO, n=3)
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    assert {choice.message.content for choice in reply.choices} == {"000 001 002 003 004 "}
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 15


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
async def test_a_token_limit(client: AsyncOpenAI, field: str) -> None:
    limit: Any = {field: 3}
    reply = await client.chat.completions.create(model="emulated-chunks-5", messages=HELLO, **limit)
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("000 001 002 ", "length")
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 3


async def test_reasoning_uses_up_the_token_limit(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(
        model="emulated", messages=HELLO, reasoning_effort="high", max_completion_tokens=40
    )
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("", "length")
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 40


async def test_a_stop_sequence(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(model="emulated", messages=HELLO, stop=["x", ", "])
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("Hello", "stop")


async def test_echo_of_content_parts(client: AsyncOpenAI, emulator: Emulator) -> None:
    image = "data:image/png;base64,iVBORw0KGgo="
    reply = await client.chat.completions.create(
        model="emulated-echo",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is "},
                    {"type": "image_url", "image_url": {"url": image, "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                    {"type": "text", "text": "this? 🙂"},
                ],
            }
        ],
    )
    assert reply.choices[0].message.content == "What is this? 🙂"
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == 3 + 4 + 2 + 85 + 85 + 100 + 50 + 2
    assert emulator.calls[0].body["messages"][0]["content"][1]["image_url"]["url"] == image


async def test_log_probabilities(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(model="emulated", messages=HELLO, logprobs=True, top_logprobs=2)
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert logprobs.refusal is None
    assert "".join(token.token for token in logprobs.content) == GREETING
    assert b"".join(bytes(token.bytes or []) for token in logprobs.content).decode() == GREETING
    assert {len(token.top_logprobs) for token in logprobs.content} == {2}


async def test_a_refusal(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(model="emulated-refuse", messages=HELLO)
    message = reply.choices[0].message
    assert (message.content, message.refusal) == (None, "I'm sorry, but I can't help with that.")


async def test_a_forced_tool(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(
        model="emulated",
        messages=HELLO,
        tools=[TIME, WEATHER],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
    )
    assert arguments(reply) == [("get_weather", {"city": "text", "unit": "celsius", "days": 1})]
    assert (reply.choices[0].finish_reason, reply.choices[0].message.content) == ("tool_calls", None)


@pytest.mark.parametrize(("parallel", "expected"), [(True, ["get_weather", "get_time"]), (False, ["get_weather"])])
async def test_required_tools_are_called_in_parallel_unless_forbidden(
    client: AsyncOpenAI, parallel: bool, expected: list[str]
) -> None:
    reply = await client.chat.completions.create(
        model="emulated",
        messages=HELLO,
        tools=[WEATHER, TIME],
        tool_choice="required",
        parallel_tool_calls=parallel,
    )
    assert [name for name, _ in arguments(reply)] == expected


async def test_allowed_tools(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(
        model="emulated",
        messages=HELLO,
        tools=[WEATHER, TIME],
        tool_choice={
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "get_time"}}]},
        },
    )
    assert [name for name, _ in arguments(reply)] == ["get_time"]


@pytest.mark.parametrize("choice", ["auto", "none"])
async def test_left_to_itself_the_model_calls_a_tool_it_is_asked_for(
    client: AsyncOpenAI, choice: Literal["auto", "none"]
) -> None:
    reply = await client.chat.completions.create(
        model="emulated",
        messages=[{"role": "user", "content": "Please use get_time."}],
        tools=[WEATHER, TIME],
        tool_choice=choice,
    )
    assert [name for name, _ in arguments(reply)] == (["get_time"] if choice == "auto" else [])


async def test_a_whole_conversation_with_a_tool(client: AsyncOpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "get_time, please"}]
    asked = await client.chat.completions.create(model="emulated", messages=messages, tools=[TIME])
    [call] = asked.choices[0].message.tool_calls or []
    messages += [
        asked.choices[0].message.model_dump(exclude_none=True, exclude={"annotations"}),  # type: ignore[list-item]
        {"role": "tool", "tool_call_id": call.id, "content": "noon"},
    ]
    answered = await client.chat.completions.create(model="emulated", messages=messages, tools=[TIME])
    assert answered.choices[0].message.content == "The tool said: noon"


async def test_a_custom_tool(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(
        model="emulated",
        messages=HELLO,
        tools=[{"type": "custom", "custom": {"name": "shell"}}],
        tool_choice={"type": "custom", "custom": {"name": "shell"}},
    )
    [call] = reply.choices[0].message.tool_calls or []
    assert call.type == "custom"
    assert (call.custom.name, call.custom.input) == ("shell", "text")


async def test_a_function_of_the_old_kind(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(
        model="emulated", messages=HELLO, functions=[{"name": "old"}], function_call={"name": "old"}
    )
    choice = reply.choices[0]
    assert choice.message.function_call is not None
    assert (choice.finish_reason, choice.message.function_call.arguments) == ("function_call", "{}")


class Step(BaseModel):
    text: str
    kind: Literal["think", "act"]


class Plan(BaseModel):
    title: str
    steps: list[Step]
    first: Step
    note: str | None
    weight: float


async def test_structured_output(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.parse(model="emulated", messages=HELLO, response_format=Plan)
    plan = reply.choices[0].message.parsed
    assert plan == Plan(title="text", steps=[], first=Step(text="text", kind="think"), note="text", weight=1)


async def test_any_json_object(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(
        model="emulated",
        messages=[{"role": "user", "content": "As JSON, please."}],
        response_format={"type": "json_object"},
    )
    assert json.loads(reply.choices[0].message.content or "") == {"answer": "text"}


async def test_tier_metadata_and_moderation_come_back(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(
        model="emulated",
        messages=HELLO,
        service_tier="fast",
        metadata={"a": "b"},
        store=True,
        moderation={"model": "omni-moderation-latest"},
    )
    assert (reply.service_tier, reply.metadata) == ("priority", {"a": "b"})
    assert reply.moderation is not None
    assert reply.moderation.input.type == "moderation_results"


async def test_unknown_fields_in_the_answer(client: AsyncOpenAI) -> None:
    reply = await client.chat.completions.create(model="emulated-unknown-fields", messages=HELLO)
    extra = reply.model_extra, reply.choices[0].model_extra, reply.choices[0].message.model_extra
    assert extra == ({"x_reply": {"kept": [1, 2.5, None]}}, {"x_choice": True}, {"reasoning_content": "Thinking…"})


async def test_models(client: AsyncOpenAI) -> None:
    names = [model.id async for model in client.models.list()]
    assert "emulated" in names
    assert (await client.models.retrieve("emulated-echo-crlf")).owned_by == "emulator"
