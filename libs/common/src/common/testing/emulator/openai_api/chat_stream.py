"""A streamed chat completion: chunks as OpenAI splits them. Every chunk is checked against the SDK's own type.

A choice begins with its role; then come its pieces, or each tool call's name and after it the arguments; then an empty delta with
the finish reason. Several choices take turns. With `stream_options.include_usage` every chunk has `usage: null`, and one more
without choices reports it; without, the field is not there at all.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

import msgspec
from openai.types.chat import ChatCompletionChunk

from common.testing.emulator import tokens as counting
from common.testing.emulator.openai_api.chat_answer import ChatAnswer, Said, ToolCall
from common.testing.emulator.openai_api.chat_reply import FINGERPRINT, logprobs, moderation, usage
from common.testing.emulator.operation import Event
from common.testing.emulator.sdk_types import object_checker

_OBFUSCATION: Final = "x7Kq2mZp9"

_check_chunk = object_checker(ChatCompletionChunk)
_encode = msgspec.json.Encoder().encode


def events(answer: ChatAnswer) -> Iterator[Event]:
    """The stream's events, the end mark included, made as they are asked for."""
    behaviour = answer.behaviour
    choices = [_choice_chunks(answer, index, said) for index, said in enumerate(answer.choices)]
    turns = [choice for turn in _turns(choices) for choice in turn] if len(choices) > 1 else choices[0]
    for choice in turns:
        # Some servers report usage with the last choice's end instead of in a chunk of its own.
        finishes = choice["finish_reason"] is not None and choice["index"] == len(answer.choices) - 1
        yield _event(answer, [choice], reports=behaviour.usage_with_finish and finishes)
    if answer.body.get("moderation"):
        yield _event(answer, [], moderated=True)
    if not behaviour.usage_with_finish and _reports_usage(answer):
        yield _event(answer, [], reports=True)
    yield Event(data=b"[DONE]")


def _turns(choices: list[Iterator[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
    for turn in zip_longest(*choices):
        yield [choice for choice in turn if choice is not None]


def _reports_usage(answer: ChatAnswer) -> bool:
    return bool((answer.body.get("stream_options") or {}).get("include_usage")) and not answer.behaviour.no_usage


def _event(
    answer: ChatAnswer, choices: list[dict[str, Any]], *, reports: bool = False, moderated: bool = False
) -> Event:
    behaviour = answer.behaviour
    chunk: dict[str, Any] = {
        "id": answer.id,
        "object": "chat.completion.chunk",
        "created": answer.created,
        "model": answer.body["model"],
        "service_tier": answer.service_tier,
        "system_fingerprint": FINGERPRINT,
        "choices": choices,
    }
    if moderated:
        chunk["moderation"] = moderation(answer)
    reports = reports and _reports_usage(answer)
    if reports:
        chunk["usage"] = usage(answer)
    elif _reports_usage(answer) and not behaviour.usage_null_omitted:
        chunk["usage"] = None
    if (answer.body.get("stream_options") or {}).get("include_obfuscation", True):
        chunk["obfuscation"] = _OBFUSCATION
    _check_chunk(chunk, "", None)
    if behaviour.unknown_fields:
        chunk["x_chunk"] = {"kept": [1, 2.5, None]}
        for choice in choices:
            choice["x_choice"] = True
            choice["delta"]["reasoning_content"] = "Thinking…"
    return Event(data=_encode(chunk), usage=reports)


def _choice_chunks(answer: ChatAnswer, index: int, said: Said) -> Iterator[dict[str, Any]]:
    def choice(
        delta: dict[str, Any], *, pieces: tuple[str, ...] = (), finish_reason: str | None = None
    ) -> dict[str, Any]:
        return {
            "index": index,
            "delta": delta,
            "logprobs": logprobs(answer, said, pieces) if pieces else None,
            "finish_reason": finish_reason,
        }

    calls = said.tool_calls or said.function_call
    yield choice({"role": "assistant", "content": None if calls else "", "refusal": None})
    field = "refusal" if said.refused else "content"
    for piece in said.pieces:
        yield choice({field: piece}, pieces=(piece,))
    for number, call in enumerate(said.tool_calls):
        for delta in _tool_call_deltas(number, call):
            yield choice({"tool_calls": [delta]})
    if said.function_call:
        yield choice({"function_call": {"name": said.function_call.name, "arguments": ""}})
        for piece in counting.split(said.function_call.arguments):
            yield choice({"function_call": {"arguments": piece}})
    yield choice({}, finish_reason=said.finish_reason)


def _tool_call_deltas(number: int, call: ToolCall) -> Iterator[dict[str, Any]]:
    yield {"index": number, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    for piece in counting.split(call.arguments):
        yield {"index": number, "function": {"arguments": piece}}
