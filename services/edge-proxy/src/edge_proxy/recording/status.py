"""Answers whoever asks over NATS how this replica is: admin-api, for its overview.

Failure policy: with NATS away nobody can ask, and nothing is kept. An answer that cannot be sent is left out; who asks waits for no
replica by name.
"""

from contextlib import suppress
from datetime import datetime
from importlib.metadata import version
from typing import Final

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from common.bus.connection import Bus
from common.events import subjects
from common.events.status import EdgeStatus
from edge_proxy.control.configuration import Configuration
from edge_proxy.recording.journal import Journal
from edge_proxy.recording.publisher import UsagePublisher
from edge_proxy.routing.health import Healths

_VERSION: Final = version("omg-edge-proxy")


class StatusReport:
    """`run` in the background."""

    def __init__(
        self,
        *,
        bus: Bus,
        journal: Journal,
        publisher: UsagePublisher,
        healths: Healths,
        configuration: Configuration,
        replica: str,
        started_at: datetime,
    ) -> None:
        self._bus = bus
        self._journal = journal
        self._publisher = publisher
        self._healths = healths
        self._configuration = configuration
        self._replica = replica
        self._started_at = started_at

    async def run(self) -> None:
        """Answer until the connection has its listener, which it keeps over reconnects."""
        await self._bus.connected()
        await self._bus.client.subscribe(subjects.EDGE_STATUS, cb=self._answer)

    async def _answer(self, message: Msg) -> None:
        status = EdgeStatus(
            replica=self._replica,
            version=_VERSION,
            started_at=self._started_at,
            configured=self._configuration.is_loaded,
            usage_pending=self._publisher.pending,
            journal_bytes=self._journal.size,
            routes={route: health.breaker.state for route, health in self._healths.items()},
        )
        with suppress(NatsError, OSError):
            await message.respond(msgspec.json.encode(status))
