"""The ASGI app. A framework's routing and dependency layer would cost more than the whole pipeline (docs/adr/0001), so the edge
speaks ASGI itself: a table of paths, and one place where an unexpected exception becomes a reply.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from common.ids import new_id
from common.logging import get_logger
from edge_proxy.errors import EdgeError, MethodNotAllowed, UnknownUrl
from edge_proxy.pipeline.client import Client, Receive, Send
from edge_proxy.wiring import Edge

Scope = dict[str, Any]
_MODELS: Final = "/v1/models"

_log = get_logger(__name__)


class EdgeApp:
    """`lifespan` makes the process's parts when the server starts and closes them when it stops."""

    def __init__(self, lifespan: Callable[[], AbstractAsyncContextManager[Edge]]) -> None:
        self._lifespan = lifespan
        self._edge: Edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def tracked(message: dict[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._route(scope, receive, tracked)
        except Exception as error:
            _log.error("request failed", path=scope["path"], error=repr(error), exc_info=error)
            if started:
                raise  # the server closes the connection: half an answer must not look whole
            await Client(receive=receive, send=send, request_id=new_id("req")).error(_Internal(_INTERNAL))

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method, edge = scope["path"], scope["method"], self._edge
        if path == "/v1/chat/completions":
            if method == "POST":
                return await edge.pipeline.chat(scope["headers"], receive, send)
            return await _refuse(MethodNotAllowed(f"Use POST for {path}."), receive, send, allow=b"POST")
        if path == _MODELS or path.startswith(_MODELS + "/"):
            if method == "GET":
                model = path[len(_MODELS) + 1 :] or None
                return await edge.models.handle(scope["headers"], receive, send, model)
            return await _refuse(MethodNotAllowed(f"Use GET for {path}."), receive, send, allow=b"GET")
        if method == "GET":
            if path == "/healthz":
                return await edge.health.healthz(send)
            if path == "/readyz":
                return await edge.health.readyz(send)
            if path == "/metrics":
                return await edge.health.metrics(send)
        return await _refuse(UnknownUrl(f"Unknown request URL: {method} {path[:200]}."), receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._lifespan() as self._edge:
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": repr(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})


class _Internal(EdgeError):
    code = "internal_error"


_INTERNAL: Final = "Something went wrong on our side. It has been logged under the request id."


async def _refuse(error: EdgeError, receive: Receive, send: Send, *, allow: bytes | None = None) -> None:
    if allow is not None:
        error.headers.append((b"allow", allow))
    await Client(receive=receive, send=send, request_id=new_id("req")).error(error)
