"""What a provider's file says to the emulator: its operations, its errors, and the two kinds of answer.

Adding an operation is one module that makes an `Operation`; adding a provider is one folder and its `Provider` in `app.PROVIDERS`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from common.testing.emulator.behaviour import Behaviour
from common.testing.emulator.calls import Call

Headers = list[tuple[bytes, bytes]]


class Refused(Exception):
    """The emulator does not accept the request; the fields are those of the provider's error object."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param


class Request(msgspec.Struct, kw_only=True):
    """A request whose body is JSON. `rest`: what follows the operation's path; `unknown`: collects fields the SDK does not know."""

    call: Call
    body: Any
    rest: str
    unknown: list[str] | None


class Whole(msgspec.Struct, kw_only=True):
    """An answer in one piece."""

    body: bytes
    status: int = 200
    content_type: bytes = b"application/json"
    headers: Headers = []


class Event(msgspec.Struct, kw_only=True):
    """A server-sent event. `usage`: it reports the call's tokens."""

    data: bytes
    name: str | None = None
    usage: bool = False


class Streamed(msgspec.Struct, kw_only=True):
    """An answer in events, made as they are sent. `error` is the event that tells of a failure in the middle."""

    events: Iterable[Event]
    error: Event
    headers: Headers = []


class Answer(msgspec.Struct, kw_only=True):
    """What to answer, and how to do it."""

    content: Whole | Streamed
    behaviour: Behaviour = Behaviour()
    reports_usage: bool = False


class Operation(msgspec.Struct, kw_only=True):
    """`path` is the whole path, or the beginning of it when it ends in a slash. Without `takes_body` no body is read as JSON."""

    method: str
    path: str
    takes_body: bool
    answer: Callable[[Request], Answer]


class Provider(msgspec.Struct, kw_only=True):
    """`authenticate` raises `Refused`, given the call and the key that is wanted (None: any); `headers` go with every answer."""

    operations: Sequence[Operation]
    authenticate: Callable[[Call, str | None], None]
    render: Callable[[Refused], Whole]
    headers: Callable[[], Headers]
