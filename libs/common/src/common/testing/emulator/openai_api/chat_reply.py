"""A whole chat completion, and the parts it shares with a streamed one. Every reply is checked against the SDK's own type."""

from collections.abc import Sequence
from typing import Any, Final

from openai.types.chat import ChatCompletion

from common.testing.emulator.openai_api.chat_answer import ChatAnswer, Said, ToolCall
from common.testing.emulator.sdk_types import object_checker

FINGERPRINT: Final = "fp_emulator01"
_LOGPROB: Final = -0.25

_check_reply = object_checker(ChatCompletion)


def whole_reply(answer: ChatAnswer) -> dict[str, Any]:
    """The body of the reply."""
    reply: dict[str, Any] = {
        "id": answer.id,
        "object": "chat.completion",
        "created": answer.created,
        "model": answer.body["model"],
        "choices": [_choice(answer, index, said) for index, said in enumerate(answer.choices)],
        "usage": usage(answer),
        "service_tier": answer.service_tier,
        "system_fingerprint": FINGERPRINT,
    }
    if answer.body.get("metadata"):
        reply["metadata"] = answer.body["metadata"]
    if answer.body.get("moderation"):
        reply["moderation"] = moderation(answer)
    if answer.behaviour.no_usage:
        del reply["usage"]
    _check_reply(reply, "", None)
    if answer.behaviour.unknown_fields:
        reply["x_reply"] = {"kept": [1, 2.5, None]}
        for choice in reply["choices"]:
            choice["x_choice"] = True
            choice["message"]["reasoning_content"] = "Thinking…"
    return reply


def usage(answer: ChatAnswer) -> dict[str, Any]:
    """OpenAI's usage object."""
    tokens = answer.tokens
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached_input, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def logprobs(answer: ChatAnswer, said: Said, pieces: Sequence[str]) -> dict[str, Any] | None:
    """The log probabilities of the pieces, None when they were not asked for."""
    if not answer.body.get("logprobs"):
        return None
    alternatives = answer.body.get("top_logprobs") or 0
    tokens = [
        {
            **_token(piece, 0),
            "top_logprobs": [_token(piece if rank == 0 else f"{rank}", rank) for rank in range(alternatives)],
        }
        for piece in pieces
    ]
    return {"content": None, "refusal": tokens} if said.refused else {"content": tokens, "refusal": None}


def moderation(answer: ChatAnswer) -> dict[str, Any]:
    """A verdict that nothing is wrong, for the input and the output."""
    model = answer.body["moderation"]["model"]
    result = {
        "type": "moderation_result",
        "model": model,
        "flagged": False,
        "categories": {"violence": False},
        "category_scores": {"violence": 0.0},
        "category_applied_input_types": {"violence": ["text"]},
    }
    verdict = {"type": "moderation_results", "model": model, "results": [result]}
    return {"input": verdict, "output": verdict}


def _token(text: str, rank: int) -> dict[str, Any]:
    return {"token": text, "logprob": _LOGPROB - rank, "bytes": list(text.encode())}


def _choice(answer: ChatAnswer, index: int, said: Said) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if said.refused else said.text,
        "refusal": said.text if said.refused else None,
        "annotations": [],
    }
    if said.tool_calls:
        message["tool_calls"] = [_tool_call(call) for call in said.tool_calls]
    if said.function_call:
        message["function_call"] = {"name": said.function_call.name, "arguments": said.function_call.arguments}
    return {
        "index": index,
        "message": message,
        "logprobs": logprobs(answer, said, said.pieces),
        "finish_reason": said.finish_reason,
    }


def _tool_call(call: ToolCall) -> dict[str, Any]:
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
