"""What the emulated model says to a chat completions request. How it is put on the wire is in `chat_reply` and `chat_stream`.

In this order: a refusal, when the model's name asks for it; tool calls, when the choice forces them or, left to the model, when the
last user message holds a tool's name; what the model's name asks for (echo, chunks, huge); JSON in the wanted format; the result
of a tool; a greeting with characters of one to four bytes.
"""

import json
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from common.events.usage import Tokens
from common.testing.emulator import tokens as counting
from common.testing.emulator.behaviour import Behaviour
from common.testing.emulator.json_schema import NoInstance, minimal_instance
from common.testing.emulator.operation import Refused

Body = Mapping[str, Any]

GREETING: Final = "Hello, здравствуй, 你好, 🙂! This is the emulated model."
REFUSAL: Final = "I'm sorry, but I can't help with that."
_HUGE_PIECE: Final = "0123456789abcdef" * 4096
_REASONING_TOKENS: Final[Mapping[str | None, int]] = {
    None: 0,
    "none": 0,
    "minimal": 8,
    "low": 16,
    "medium": 32,
    "high": 64,
    "xhigh": 128,
    "max": 256,
}
_SERVICE_TIERS: Final = {"fast": "priority", "priority": "priority", "flex": "flex", "scale": "scale"}


class ToolCall(msgspec.Struct, kw_only=True):
    """`arguments`: JSON text, or the input of a custom tool."""

    id: str
    name: str
    arguments: str
    custom: bool = False


class Said(msgspec.Struct, kw_only=True):
    """One choice. `pieces` are what a stream sends one by one; they are a refusal if `refused`."""

    finish_reason: str
    pieces: Sequence[str] = ()
    refused: bool = False
    tool_calls: Sequence[ToolCall] = ()
    function_call: ToolCall | None = None
    reasoning: int = 0

    @property
    def text(self) -> str | None:
        return None if self.tool_calls or self.function_call else "".join(self.pieces)

    def tokens(self) -> int:
        calls = [*self.tool_calls, *([self.function_call] if self.function_call else [])]
        called = sum(counting.count(call.name) + counting.count(call.arguments) for call in calls)
        return self.reasoning + called + sum(map(counting.count, self.pieces))


class ChatAnswer(msgspec.Struct, kw_only=True):
    """The whole answer to `body`; `tokens` is what it costs."""

    id: str
    created: int
    body: Body
    behaviour: Behaviour
    choices: Sequence[Said]
    tokens: Tokens

    @property
    def service_tier(self) -> str:
        return _SERVICE_TIERS.get(self.body.get("service_tier") or "auto", "default")


def compose(body: Body, behaviour: Behaviour) -> ChatAnswer:
    """Raises `Refused` when a schema asks for more than the emulator can make up."""
    choices = [_say(body, behaviour) for _ in range(body.get("n") or 1)]
    return ChatAnswer(
        id=f"chatcmpl-{secrets.token_hex(14)}",
        created=int(time.time()),
        body=body,
        behaviour=behaviour,
        choices=choices,
        tokens=behaviour.tokens or _tokens(body, choices),
    )


def _tokens(body: Body, choices: Sequence[Said]) -> Tokens:
    prompt = counting.count_chat_prompt(body)
    return Tokens(
        input=prompt,
        cached_input=prompt // 2 if body.get("prompt_cache_key") else 0,
        output=sum(choice.tokens() for choice in choices),
        reasoning=sum(choice.reasoning for choice in choices),
    )


def _say(body: Body, behaviour: Behaviour) -> Said:
    if behaviour.refuse:
        return _text(counting.split(REFUSAL), body, refused=True)
    if "functions" in body and (names := _wanted_functions(body)):
        call = _function_call(next(one for one in body["functions"] if one["name"] == names[0]))
        return Said(function_call=call, finish_reason="function_call", reasoning=_reasoning(body))
    if tools := _wanted_tools(body):
        calls = [_tool_call(tool, stream=bool(body.get("stream"))) for tool in tools]
        return Said(tool_calls=calls, finish_reason="tool_calls", reasoning=_reasoning(body))
    if behaviour.huge is not None:
        return Said(pieces=[_HUGE_PIECE] * behaviour.huge, finish_reason="stop", reasoning=_reasoning(body))
    if behaviour.pieces is not None:
        return _text([f"{number % 1000:03} " for number in range(behaviour.pieces)], body)
    return _text(counting.split(_words(body, behaviour)), body)


def _words(body: Body, behaviour: Behaviour) -> str:
    text = _plain_words(body, behaviour)
    stops = body.get("stop") or []
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.partition(stop)[0] if stop else text
    return text


def _plain_words(body: Body, behaviour: Behaviour) -> str:
    last = body["messages"][-1]
    if behaviour.echo:
        return next((_text_of(one) for one in reversed(body["messages"]) if one["role"] == "user"), "")
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_object":
        return '{"answer":"text"}'
    if wanted.get("type") == "json_schema":
        return _instance(wanted["json_schema"].get("schema", {}), "response_format")
    if last["role"] in {"tool", "function"}:
        return f"The tool said: {_text_of(last)}"
    return GREETING


def _text(pieces: Sequence[str], body: Body, *, refused: bool = False) -> Said:
    """What fits into the tokens the request allows, reasoning first."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    reasoning = _reasoning(body)
    finish_reason = "stop"
    if limit is not None and reasoning + len(pieces) > limit:
        reasoning = min(reasoning, limit)
        pieces, finish_reason = pieces[: limit - reasoning], "length"
    return Said(pieces=pieces, finish_reason=finish_reason, refused=refused, reasoning=reasoning)


def _reasoning(body: Body) -> int:
    return _REASONING_TOKENS[body.get("reasoning_effort")]


def _wanted_functions(body: Body) -> list[str]:
    choice = body.get("function_call", "auto")
    if isinstance(choice, dict):
        return [choice["name"]]
    return [] if choice == "none" else _mentioned(body, [function["name"] for function in body["functions"]])


def _wanted_tools(body: Body) -> list[Body]:
    """The tools to call: by force the one named, or the first two; otherwise those the last user message names."""
    tools: list[Body] = body.get("tools", [])
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, dict) and choice["type"] == "allowed_tools":
        allowed = {_name_of(tool) for tool in choice["allowed_tools"]["tools"]}
        tools = [tool for tool in tools if _name_of(tool) in allowed]
        choice = choice["allowed_tools"]["mode"]
    if isinstance(choice, dict):
        return [tool for tool in tools if _name_of(tool) == _name_of(choice)]
    if choice == "required":
        wanted = tools[:2]
    elif choice == "auto":
        names = _mentioned(body, [_name_of(tool) for tool in tools])
        wanted = [tool for tool in tools if _name_of(tool) in names]
    else:
        wanted = []
    return wanted[:1] if body.get("parallel_tool_calls") is False else wanted


def _name_of(tool: Body) -> str:
    return str(tool[tool["type"]]["name"])


def _mentioned(body: Body, names: Sequence[str]) -> list[str]:
    last = body["messages"][-1]
    words = set(re.findall(r"[a-zA-Z0-9_-]+", _text_of(last))) if last["role"] == "user" else set()
    return [name for name in names if name in words]


def _text_of(message: Body) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def _tool_call(tool: Body, *, stream: bool) -> ToolCall:
    if tool["type"] == "function":
        return _function_call(tool["function"])
    if stream:
        # The SDK's type of a streamed tool call knows functions only.
        raise Refused(400, "The emulator does not stream calls of custom tools.", code="emulator_limit")
    return ToolCall(id=_call_id(), name=tool["custom"]["name"], arguments="text", custom=True)


def _function_call(function: Body) -> ToolCall:
    arguments = _instance(function.get("parameters", {"type": "object"}), "tools")
    return ToolCall(id=_call_id(), name=function["name"], arguments=arguments)


def _call_id() -> str:
    return f"call_{secrets.token_hex(12)}"


def _instance(schema: Body, param: str) -> str:
    try:
        return json.dumps(minimal_instance(schema), separators=(",", ":"), ensure_ascii=False)
    except NoInstance as error:
        raise Refused(400, f"The emulator cannot answer: {error}.", code="emulator_limit", param=param) from None
