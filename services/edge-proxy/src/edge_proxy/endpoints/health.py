"""`/healthz`, `/readyz` and `/metrics`.

Ready means: there is a configuration to serve from, calls can be journalled, and the process goes on. NATS being away does not
make an edge unready, for it serves from its snapshot; it is shown.
"""

from typing import Final

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from common.bus.connection import Bus
from edge_proxy.control.configuration import Configuration
from edge_proxy.errors import UnknownUrl
from edge_proxy.recording.journal import Journal
from edge_proxy.server.client import Client

_OK: Final = b'{"status":"ok"}'


class Health(msgspec.Struct, frozen=True):
    configuration: Configuration
    journal: Journal
    bus: Bus
    registry: CollectorRegistry | None

    def healthz(self, client: Client) -> None:
        client.reply(200, _OK)

    def readyz(self, client: Client, *, stopping: bool) -> None:
        loaded, writable = self.configuration.is_loaded, not self.journal.is_full
        checks = {
            "configuration": "ok" if loaded else "missing",
            "journal": "ok" if writable else "full",
            "nats": "ok" if self.bus.is_connected else "disconnected",
            "process": "stopping" if stopping else "ok",
        }
        ready = loaded and writable and not stopping
        client.reply(200 if ready else 503, msgspec.json.encode({"ready": ready, "checks": checks}))

    def metrics(self, client: Client) -> None:
        """Raises `UnknownUrl` where they are switched off."""
        if self.registry is None:
            raise UnknownUrl("Metrics are switched off.")
        client.reply(200, generate_latest(self.registry), content_type=CONTENT_TYPE_LATEST.encode())
