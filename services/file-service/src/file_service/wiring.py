"""What a running file-service consists of, built from its settings. Imported by `app` and `__main__`, by nobody else."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from common.bus.connection import Bus
from common.db.engine import create_engine, ping
from common.http.health import Ping
from file_service.settings import ServeSettings

SERVICE = "file-service"


class Wiring:
    """The connections of one process. Nothing connects before `running` is entered."""

    def __init__(self, settings: ServeSettings) -> None:
        self._engine = create_engine(
            settings.database_url.get_secret_value(), name=SERVICE, pool_size=settings.database_pool_size
        )
        self._bus = Bus(url=settings.nats_url.get_secret_value(), name=SERVICE)
        self.required: Mapping[str, Ping] = {"postgres": partial(ping, self._engine)}
        self.metrics = settings.enable_metrics
        self.reported: Mapping[str, Ping] = {"nats": self._bus.ping}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Neither Postgres nor NATS needs to be there at the start: `/readyz` tells, and both are found once they are."""
        await self._bus.start()
        try:
            yield
        finally:
            await self._bus.close()
            await self._engine.dispose()
