"""`GET /v1/models` and `GET /v1/models/{id}`: the names that stand for something, and any name with valid options."""

from typing import Any, Final

import msgspec
from openai.types import Model

from common.testing.emulator.behaviour import UnknownModel, read_behaviour
from common.testing.emulator.operation import Answer, Operation, Refused, Request, Whole
from common.testing.emulator.sdk_types import object_checker

_LISTED: Final = ("emulated", "emulated-echo", "emulated-chunks-100", "emulated-no-usage")
_CREATED: Final = 1_767_225_600

_check_model = object_checker(Model)


def model_not_found(model: str) -> Refused:
    """What OpenAI says of a model it does not have."""
    return Refused(404, f"The model `{model}` does not exist or you do not have access to it.", code="model_not_found")


def _list(_request: Request) -> Answer:
    return _whole({"object": "list", "data": [_model(name) for name in _LISTED]})


def _retrieve(request: Request) -> Answer:
    try:
        read_behaviour(request.rest)
    except UnknownModel:
        raise model_not_found(request.rest) from None
    return _whole(_model(request.rest))


def _model(name: str) -> dict[str, Any]:
    model = {"id": name, "object": "model", "created": _CREATED, "owned_by": "emulator"}
    _check_model(model, "", None)
    return model


def _whole(content: Any) -> Answer:
    return Answer(content=Whole(body=msgspec.json.encode(content)))


LIST_MODELS: Final = Operation(method="GET", path="/v1/models", takes_body=False, answer=_list)
RETRIEVE_MODEL: Final = Operation(method="GET", path="/v1/models/", takes_body=False, answer=_retrieve)
