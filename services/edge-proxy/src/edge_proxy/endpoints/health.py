"""`/healthz`, `/readyz` and `/metrics`.

Ready means: there is a configuration to serve from and calls can be journalled. NATS being away does not make an edge unready,
for it serves from its snapshot; it is shown.
"""

from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common.bus.connection import Bus
from edge_proxy.control.configuration import Configuration
from edge_proxy.pipeline.client import Send
from edge_proxy.recording.journal import Journal


class Health(msgspec.Struct, frozen=True):
    configuration: Configuration
    journal: Journal
    bus: Bus

    async def healthz(self, send: Send) -> None:
        await _reply(send, 200, {"status": "ok"})

    async def readyz(self, send: Send) -> None:
        loaded, writable = self.configuration.is_loaded, not self.journal.is_full
        checks = {
            "configuration": "ok" if loaded else "missing",
            "journal": "ok" if writable else "full",
            "nats": "ok" if self.bus.is_connected else "disconnected",
        }
        ready = loaded and writable
        await _reply(send, 200 if ready else 503, {"ready": ready, "checks": checks})

    async def metrics(self, send: Send) -> None:
        await _send(send, 200, generate_latest(), CONTENT_TYPE_LATEST.encode())


async def _reply(send: Send, status: int, body: dict[str, Any]) -> None:
    await _send(send, status, msgspec.json.encode(body), b"application/json")


async def _send(send: Send, status: int, body: bytes, content_type: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
