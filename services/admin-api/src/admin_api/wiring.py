"""What a running `serve` consists of, built from its settings. Imported by `app` and `__main__`, by nobody else."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from admin_api.api_keys.expiry import ExpiryNotices
from admin_api.audit.listener import CLOCK, AuditedSession
from admin_api.budgets.defaults import DefaultBudgets
from admin_api.configuration.keeper import Keeper
from admin_api.configuration.propagation import Propagation
from admin_api.database import outbox
from admin_api.declared.file import ConfigurationFile
from admin_api.dependencies import Services
from admin_api.locks import RELAY_LOCK
from admin_api.oidc.checker import SessionChecker
from admin_api.oidc.discovery import Discovery
from admin_api.oidc.sign_on import LocalSignIn, SingleSignOn
from admin_api.portal import Portal
from admin_api.sessions.domain import SessionPolicy
from admin_api.sessions.passwords import Passwords
from admin_api.sessions.throttle import LoginThrottle, RedisCounters
from admin_api.settings import ServeSettings
from admin_api.tenants.deletion import Purger
from common.bus.connection import Bus
from common.clock import Clock, utc_now
from common.crypto.sealing import Sealer
from common.db.engine import create_engine, create_sessions, ping
from common.http.health import Ping
from common.http.outbound import OutboundClient
from common.lifecycle import TaskOwner
from common.outbox.relay import Relay

SERVICE = "admin-api"
_NOTHING: Final[Mapping[str, str]] = {}


class Wiring:
    """The connections and services of one process. Nothing connects before `running` is entered."""

    def __init__(
        self, settings: ServeSettings, *, clock: Clock = utc_now, environment: Mapping[str, str] = _NOTHING
    ) -> None:
        """`environment` names the YAML file, and has the secrets that its blocks refer to."""
        self._engine = create_engine(
            settings.database_url.get_secret_value(), name=SERVICE, pool_size=settings.database_pool_size
        )
        self._bus = Bus(url=settings.nats_url.get_secret_value(), name=SERVICE)
        self._counters = RedisCounters(settings.redis_url.get_secret_value())
        self._passwords = Passwords()
        self._relay = Relay(engine=self._engine, outbox=outbox, bus=self._bus, lock=RELAY_LOCK)
        sessions = create_sessions(self._engine, session_class=AuditedSession, info={CLOCK: clock})
        self._purger = Purger(sessions=sessions, clock=clock)
        self._expiry_notices = ExpiryNotices(sessions=sessions, clock=clock)
        self._default_budgets = DefaultBudgets(sessions=sessions, clock=clock)
        self._keeper = Keeper(bus=self._bus, sessions=sessions, relay=self._relay, replicas=settings.nats_replicas)
        sealer = Sealer.from_setting(settings.encryption_keys.get_secret_value())
        self._file = ConfigurationFile(
            environment=environment,
            sessions=sessions,
            clock=clock,
            passwords=self._passwords,
            sealer=sealer,
            hash_secret=settings.key_hash_secret_bytes,
            allow_private=settings.allow_private_upstreams,
        )
        self._outbound = OutboundClient(allow_private=settings.allow_private_issuers)
        self._upstreams = OutboundClient(allow_private=settings.allow_private_upstreams, allow_http=True)
        providers = {provider.id: provider for provider in settings.providers}
        discovery = Discovery(self._outbound)
        self._session_checker = SessionChecker(
            sessions=sessions,
            providers=providers,
            discovery=discovery,
            sealer=sealer,
            clock=clock,
            every=timedelta(seconds=settings.oidc_recheck_seconds),
        )
        self.required: Mapping[str, Ping] = {"postgres": partial(ping, self._engine)}
        self.metrics = settings.enable_metrics
        self.reported: Mapping[str, Ping] = {"nats": self._bus.ping, "redis": self._counters.ping}
        self.portal = None if settings.portal_dir is None else Portal(settings.portal_dir)
        self.services = Services(
            sessions=sessions,
            clock=clock,
            session_policy=SessionPolicy(
                idle=timedelta(seconds=settings.session_idle_timeout),
                lifetime=timedelta(seconds=settings.session_lifetime),
            ),
            passwords=self._passwords,
            throttle=LoginThrottle(self._counters),
            propagation=Propagation(bus=self._bus, relay=self._relay),
            sealer=sealer,
            key_hash_secret=settings.key_hash_secret_bytes,
            gateway_url=settings.gateway_url,
            secure_cookies=settings.secure_cookies,
            allow_private_upstreams=settings.allow_private_upstreams,
            allow_private_webhooks=settings.allow_private_webhooks,
            bus=self._bus,
            pings={**self.required, **self.reported},
            configuration_file=self._file,
            upstreams=self._upstreams,
            single_sign_on=SingleSignOn(providers=providers, discovery=discovery),
            local_sign_in=LocalSignIn(admins=settings.admin_local_enabled, users=settings.user_local_enabled),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Neither Postgres, NATS nor Redis needs to be there at the start: each is found once it is."""
        await self._bus.start()
        try:
            async with self._file.on_hangup(), TaskOwner() as tasks:
                tasks.keep_running("outbox-relay", self._relay.run)
                tasks.keep_running("configuration-keeper", self._keeper.run)
                tasks.keep_running("tenant-purger", self._purger.run)
                tasks.keep_running("expiry-notices", self._expiry_notices.run)
                tasks.keep_running("default-budgets", self._default_budgets.run)
                tasks.keep_running("sso-sessions", self._session_checker.run)
                tasks.keep_running("configuration-file", self._file.run)
                yield
        finally:
            await self._outbound.close()
            await self._upstreams.close()
            await self._bus.close()
            await self._counters.close()
            self._passwords.close()
            await self._engine.dispose()
