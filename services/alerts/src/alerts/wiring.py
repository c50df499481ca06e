"""What a running alerts consists of, built from its settings. Imported by `app` and `__main__`, by nobody else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from alerts.consumers import AlertHandler, consumers
from alerts.destinations import Configured, Destinations
from alerts.mailer import Mailer
from alerts.requests import Requests
from alerts.retention import keep_retention
from alerts.sender import Sender
from alerts.settings import ServeSettings
from alerts.webhooks import WebhookCaller
from common.bus.connection import Bus
from common.clock import Clock, utc_now
from common.crypto.sealing import Sealer
from common.db.engine import create_engine, create_sessions, ping
from common.events.alerts import AlertPolicy, Smtp, Transport
from common.http.health import Ping
from common.http.outbound import OutboundClient
from common.lifecycle import TaskOwner

SERVICE = "alerts"
_STOP_TIMEOUT_S: Final = 3.0


class Wiring:
    """The connections of one process. Nothing connects before `running` is entered."""

    def __init__(self, settings: ServeSettings, *, clock: Clock = utc_now) -> None:
        self._engine = create_engine(
            settings.database_url.get_secret_value(), name=SERVICE, pool_size=settings.database_pool_size
        )
        self._sessions = create_sessions(self._engine)
        self._bus = Bus(url=settings.nats_url.get_secret_value(), name=SERVICE)
        self._destinations = Destinations(self._bus, _configured(settings))
        sealer = Sealer.from_setting(settings.encryption_keys.get_secret_value())
        self._outbound = OutboundClient(
            allow_private=settings.allow_private_webhooks, user_agent="open-model-gateway-alerts"
        )
        self._sender = Sender(
            sessions=self._sessions,
            destinations=self._destinations,
            mailer=Mailer(sealer),
            webhooks=WebhookCaller(sealer=sealer, clock=clock, client=self._outbound),
            clock=clock,
            portal_url=settings.portal_url,
        )
        handler = AlertHandler(
            sessions=self._sessions, destinations=self._destinations, sender=self._sender, clock=clock
        )
        self._consumers = consumers(self._bus, replicas=settings.nats_replicas, handle=handler)
        self._requests = Requests(
            bus=self._bus,
            sessions=self._sessions,
            destinations=self._destinations,
            sender=self._sender,
            clock=clock,
        )
        self._keep = partial(keep_retention, self._sessions, clock=clock, days=settings.alerts_retention_days)
        self.required: Mapping[str, Ping] = {"postgres": partial(ping, self._engine)}
        self.metrics = settings.enable_metrics
        self.reported: Mapping[str, Ping] = {"nats": self._bus.ping}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Neither Postgres nor NATS needs to be there at the start: `/readyz` tells, and both are found once they are."""
        await self._bus.start()
        try:
            async with TaskOwner() as tasks:
                tasks.keep_running("destinations", self._destinations.run)
                tasks.keep_running("requests", self._requests.run)
                tasks.keep_running("sender", self._sender.run)
                tasks.keep_running("retention", self._keep)
                for stream, consumer in self._consumers.items():
                    tasks.keep_running(f"consume-{stream.lower()}", consumer.run)
                yield
                await asyncio.gather(*(each.stop(timeout=_STOP_TIMEOUT_S) for each in self._consumers.values()))
        finally:
            await self._outbound.close()
            await self._bus.close()
            await self._engine.dispose()


def _configured(settings: ServeSettings) -> Configured:
    smtp = None
    if settings.smtp_host is not None:
        smtp = Smtp(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            from_address=settings.smtp_from,
            username=settings.smtp_username,
            timeout_seconds=settings.smtp_timeout,
        )
    return Configured(
        transport=Transport(
            smtp=smtp, webhook_timeout_seconds=settings.webhook_timeout, max_retries=settings.webhook_max_retries
        ),
        policy=AlertPolicy(emails=list(settings.alert_emails), cooldown_seconds=settings.alert_cooldown),
        smtp_password=None if settings.smtp_password is None else settings.smtp_password.get_secret_value(),
    )
