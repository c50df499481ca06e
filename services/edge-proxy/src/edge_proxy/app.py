"""The ASGI app. A framework's routing and dependency layer would cost more than the whole pipeline (docs/adr/0001), so the edge
speaks ASGI itself: a table of paths, and one place where an unexpected exception becomes a reply.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from common.logging import get_logger
from edge_proxy.errors import EdgeError, InternalError, MethodNotAllowed, UnknownUrl
from edge_proxy.pipeline.client import Client, Receive, Send
from edge_proxy.wiring import Edge

Scope = dict[str, Any]
_CHAT: Final = "/v1/chat/completions"
_MODELS: Final = "/v1/models"
_INTERNAL: Final = "Something went wrong on our side. It has been logged under the request id."

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
        client = Client(receive=receive, send=send)
        try:
            await self._route(scope, client)
        except EdgeError as error:
            await client.error(error)
        except Exception as error:
            _log.error("request failed", request_id=client.request_id, error=repr(error), exc_info=error)
            if client.started:
                raise  # the server closes the connection: half an answer must not look whole
            await client.error(InternalError(_INTERNAL))

    async def _route(self, scope: Scope, client: Client) -> None:
        path, method, edge = scope["path"], scope["method"], self._edge
        if path == _CHAT:
            _only("POST", scope)
            await edge.pipeline.chat(scope["headers"], client)
        elif path == _MODELS or path.startswith(_MODELS + "/"):
            _only("GET", scope)
            await edge.models.handle(scope["headers"], client, path[len(_MODELS) + 1 :] or None)
        elif path == "/healthz":
            await edge.health.healthz(client)
        elif path == "/readyz":
            await edge.health.readyz(client)
        elif path == "/metrics":
            await edge.health.metrics(client)
        else:
            raise UnknownUrl(f"Unknown request URL: {method} {path[:200]}.")

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


def _only(method: str, scope: Scope) -> None:
    if scope["method"] != method:
        refusal = MethodNotAllowed(f"Use {method} for {scope['path'][:200]}.")
        refusal.headers.append((b"allow", method.encode()))
        raise refusal
