"""The id of a request: the caller's `X-Request-ID` when it is a sensible one, else our own. It is in the reply, in every log line
and in the audit log, so that a person's question can be followed to what happened.
"""

import re
from contextvars import ContextVar
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.ids import new_id

HEADER: Final = "x-request-id"
_SENSIBLE: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")

_current: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)


def current_request_id() -> str | None:
    """Of the request that is being answered in this task."""
    return _current.get()


class RequestId:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _SENSIBLE.fullmatch(given) else new_id("req")

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        # Not taken back: each request has a task, and thereby a context, of its own, and what is logged last is its failure.
        _current.set(request_id)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        await self._app(scope, receive, with_id)
