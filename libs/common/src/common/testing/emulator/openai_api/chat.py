"""`POST /v1/chat/completions`: judges the request by the SDK's types and OpenAI's rules, and has it answered."""

from random import Random
from typing import Final

import msgspec
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)

from common.testing.emulator.behaviour import UnknownModel, draw_behaviour
from common.testing.emulator.openai_api.chat_answer import compose
from common.testing.emulator.openai_api.chat_reply import whole_reply
from common.testing.emulator.openai_api.chat_rules import check_rules
from common.testing.emulator.openai_api.chat_stream import events
from common.testing.emulator.openai_api.errors import failure, stream_failure
from common.testing.emulator.openai_api.models import model_not_found
from common.testing.emulator.operation import Answer, Operation, Refused, Request, Streamed, Whole
from common.testing.emulator.sdk_types import Mismatch, object_checker

_chance: Final = Random()  # noqa: S311 - decides which calls go wrong, keeps no secret
_check_types = object_checker(CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming)


def _create(request: Request) -> Answer:
    """Raises `Refused`."""
    call, body = request.call, request.body
    if isinstance(body, dict) and "model" not in body:
        raise Refused(400, "you must provide a model parameter")
    try:
        _check_types(body, "", request.unknown)
    except Mismatch as mismatch:
        raise _refused(mismatch) from None
    call.model, call.stream = body["model"], bool(body.get("stream"))
    try:
        behaviour = draw_behaviour(body["model"], _chance)
    except UnknownModel:
        raise model_not_found(body["model"]) from None
    check_rules(body)
    if behaviour.error_status is not None:
        return Answer(content=failure(behaviour), behaviour=behaviour)
    answer = compose(body, behaviour)
    call.tokens = answer.tokens
    if call.stream:
        return Answer(content=Streamed(events=events(answer), error=stream_failure()), behaviour=behaviour)
    content = Whole(body=msgspec.json.encode(whole_reply(answer)))
    return Answer(content=content, behaviour=behaviour, reports_usage=not behaviour.no_usage)


def _refused(mismatch: Mismatch) -> Refused:
    if mismatch.code == "unknown_parameter" and not {".", "["} & set(mismatch.path):
        # Of the top level OpenAI says it in these words, without naming the parameter elsewhere.
        return Refused(400, f"Unrecognized request argument supplied: {mismatch.path}")
    return Refused(400, mismatch.message, param=mismatch.path or None, code=mismatch.code)


CREATE_CHAT_COMPLETION: Final = Operation(method="POST", path="/v1/chat/completions", takes_body=True, answer=_create)
