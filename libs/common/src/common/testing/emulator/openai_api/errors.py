"""OpenAI's error object, its authentication, and the failures that a model's name can ask for."""

from collections.abc import Mapping
from typing import Final

import msgspec

from common.testing.emulator.behaviour import Behaviour
from common.testing.emulator.calls import Call
from common.testing.emulator.operation import Event, Refused, Whole

_SERVER_ERROR: Final = "The server had an error while processing your request. Sorry about that!"
_FAILURES: Final[Mapping[int, tuple[str, str, str | None]]] = {
    400: ("The emulator was asked to refuse this request.", "invalid_request_error", "invalid_value"),
    401: ("Incorrect API key provided: sk-emul****ated.", "invalid_request_error", "invalid_api_key"),
    403: ("You are not allowed to sample from this model", "invalid_request_error", None),
    404: ("The model does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"),
    429: ("Rate limit reached for requests per min. Please try again later.", "requests", "rate_limit_exceeded"),
    500: (_SERVER_ERROR, "server_error", None),
    503: ("The engine is currently overloaded, please try again later", "server_error", None),
}
_OUT_OF_QUOTA: Final = (
    "You exceeded your current quota, please check your plan and billing details.",
    "insufficient_quota",
    "insufficient_quota",
)
_HTML: Final = (
    b"<html>\r\n<head><title>%(status)d</title></head>\r\n"
    b"<body>\r\n<center><h1>%(status)d</h1></center>\r\n</body>\r\n</html>\r\n"
)
_RETRY_LATER: Final = frozenset({429, 503})
_BEARER: Final = "bearer "


def authenticate(call: Call, api_key: str | None) -> None:
    """Raises `Refused` 401.

    Without a key to compare with, like a local server, it lets an authorization be missing, but not be of another kind.
    """
    given = call.header("authorization")
    if given is None and api_key is None:
        return
    if given is None or not given.lower().startswith(_BEARER) or not given[len(_BEARER) :].strip():
        raise Refused(
            401,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
            "(i.e. Authorization: Bearer YOUR_KEY).",
        )
    key = given[len(_BEARER) :]
    if api_key is not None and key != api_key:
        raise Refused(401, f"Incorrect API key provided: {key[:8]}****{key[-4:]}.", code="invalid_api_key")


def render(refused: Refused) -> Whole:
    """The reply to a request that is not accepted."""
    return Whole(
        status=refused.status, body=_error_object(refused.message, refused.type, refused.code, param=refused.param)
    )


def failure(behaviour: Behaviour) -> Whole:
    """The failure the behaviour's `error_status` asks for."""
    status = behaviour.error_status or 500
    if behaviour.html:
        return Whole(status=status, body=_HTML % {b"status": status}, content_type=b"text/html")
    known = _FAILURES.get(status) or _FAILURES[500 if status >= 500 else 400]
    message, kind, code = _OUT_OF_QUOTA if behaviour.out_of_quota else known
    headers = []
    if status in _RETRY_LATER and behaviour.retry_after is not None:
        headers.append((b"retry-after", str(behaviour.retry_after).encode()))
    return Whole(status=status, body=_error_object(message, kind, code), headers=headers)


def stream_failure() -> Event:
    """The event that tells of a failure in the middle of a stream."""
    return Event(data=_error_object(_SERVER_ERROR, "server_error", None))


def _error_object(message: str, kind: str, code: str | None, *, param: str | None = None) -> bytes:
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})
