"""What is served where: a table of paths, and one place where an unexpected exception becomes a reply."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry

from common.logging import get_logger
from edge_proxy.errors import EdgeError, InternalError, MethodNotAllowed, Unavailable, UnknownUrl
from edge_proxy.server.client import Client, ClientGone
from edge_proxy.server.server import Server
from edge_proxy.settings import EdgeSettings
from edge_proxy.wiring import Edge, run_edge

_CHAT: Final = "/v1/chat/completions"
_MODELS: Final = "/v1/models"
_STOPPING: Final = "The gateway was stopped before the answer was complete. Please retry."
_INTERNAL: Final = "Something went wrong on our side. It has been logged under the request id."

_log = get_logger(__name__)


@asynccontextmanager
async def serving(settings: EdgeSettings, *, registry: CollectorRegistry = REGISTRY) -> AsyncIterator[None]:
    """An edge that listens. On leaving it is not ready any more, and calls under way may end for as long as the settings say.

    A second edge in one process (tests) needs a metrics registry of its own.
    """
    async with run_edge(settings, registry=registry) as edge:
        app = EdgeApp(edge)
        server = Server(app.answer)
        await server.start(host=settings.listen_host, port=settings.listen_port)
        try:
            yield
        finally:
            app.stopping = True
            await server.stop(grace_s=settings.drain_seconds, delay_s=settings.drain_delay_seconds)


class EdgeApp:
    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self.stopping = False

    async def answer(self, client: Client) -> None:
        """Answer one request, whatever happens."""
        try:
            await self._route(client)
        except EdgeError as error:
            client.error(error)
        except ClientGone:
            pass
        except asyncio.CancelledError:
            if not client.answered:
                client.error(Unavailable(_STOPPING, code="gateway_stopping"))
            raise
        except Exception as error:  # noqa: BLE001 - the outermost edge
            _log.error("request failed", request_id=client.request_id, error=repr(error), exc_info=error)
            if client.started:
                client.cut_off()  # half an answer must not look whole
            else:
                client.error(InternalError(_INTERNAL))

    async def _route(self, client: Client) -> None:
        path, edge = client.path, self._edge
        if path == _CHAT:
            _only(b"POST", client)
            await edge.pipeline.chat(client)
        elif path == _MODELS or path.startswith(_MODELS + "/"):
            _only(b"GET", client)
            await edge.models.handle(client, path[len(_MODELS) + 1 :] or None)
        elif path == "/healthz":
            edge.health.healthz(client)
        elif path == "/readyz":
            edge.health.readyz(client, stopping=self.stopping)
        elif path == "/metrics":
            edge.health.metrics(client)
        else:
            raise UnknownUrl(f"Unknown request URL: {client.method.decode()} {path[:200]}.")


def _only(method: bytes, client: Client) -> None:
    if client.method != method:
        refusal = MethodNotAllowed(f"Use {method.decode()} for {client.path[:200]}.")
        refusal.headers.append((b"allow", method))
        raise refusal
