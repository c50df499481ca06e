"""What a running `serve` consists of, built from its settings. Imported by `app` and `__main__`, by nobody else."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from admin_api.dependencies import Services
from admin_api.sessions.domain import SessionPolicy
from admin_api.settings import ServeSettings
from common.bus.connection import Bus
from common.clock import Clock, utc_now
from common.db.engine import create_engine, create_sessions, ping
from common.http.health import Ping

SERVICE = "admin-api"


class Wiring:
    """The connections and services of one process. Nothing connects before `running` is entered."""

    def __init__(self, settings: ServeSettings, *, clock: Clock = utc_now) -> None:
        self._engine = create_engine(
            settings.database_url.get_secret_value(), name=SERVICE, pool_size=settings.database_pool_size
        )
        self._bus = Bus(url=settings.nats_url.get_secret_value(), name=SERVICE)
        self.required: Mapping[str, Ping] = {"postgres": partial(ping, self._engine)}
        self.reported: Mapping[str, Ping] = {"nats": self._bus.ping}
        self.services = Services(
            sessions=create_sessions(self._engine),
            clock=clock,
            session_policy=SessionPolicy(idle=settings.session_idle, lifetime=settings.session_lifetime),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Neither Postgres, NATS nor Redis needs to be there at the start: each is found once it is."""
        await self._bus.start()
        try:
            yield
        finally:
            await self._bus.close()
            await self._engine.dispose()
