"""A running service on real Postgres and a NATS of the test's own, with what publishes to it and what it sends to."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.servers.certificates import Authority
from tests.servers.mail import MailServer
from tests.servers.webhooks import WebhookReceiver

from alerts import sender
from alerts.app import create_app
from alerts.migrations import FOLDER
from alerts.models import SCHEMA
from alerts.settings import ServeSettings
from alerts.wiring import Wiring
from common.bus.connection import Bus
from common.bus.records import delete_record, put_record, read_revision
from common.bus.streams import ensure_buckets, ensure_streams
from common.clock import utc_now
from common.crypto.sealing import Sealer
from common.db.migrate import upgrade
from common.events.alerts import (
    DEFAULT_POLICY_KEY,
    SMTP_PASSWORD_PURPOSE,
    TRANSPORT_KEY,
    AlertPolicy,
    Smtp,
    Transport,
    Webhook,
    webhook_secret_purpose,
)
from common.events.budgets import ThresholdCrossed
from common.events.envelope import Envelope
from common.events.subjects import ALERTS_BUCKET, BUDGET_THRESHOLD_CROSSED
from common.ids import new_id
from devstack.ports import LOOPBACK
from devstack.servers.nats import NatsServer

ENCRYPTION_KEYS = "test:" + base64.b64encode(b"k" * 32).decode()
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
SEALER = Sealer.from_setting(ENCRYPTION_KEYS)


class MovableClock:
    """The real time, until a test moves it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass
class Alerts:
    """Running services and their world."""

    database_url: str
    nats: NatsServer
    bus: Bus
    running: AsyncExitStack
    clock: MovableClock = field(default_factory=MovableClock)

    async def start(self, **settings: Any) -> Wiring:
        """One more replica."""
        chosen = ServeSettings.model_validate(
            {
                "database_url": self.database_url,
                "nats_url": self.nats.url,
                "encryption_keys": ENCRYPTION_KEYS,
                "allow_private_webhooks": True,
                "portal_url": "https://portal.example",
                **settings,
            }
        )
        wiring = Wiring(chosen, clock=self.clock)
        app = create_app(wiring)
        await self.running.enter_async_context(app.router.lifespan_context(app))
        return wiring

    async def put(self, key: str, record: Any) -> None:
        jetstream = self.bus.jetstream()
        on = await read_revision(jetstream, ALERTS_BUCKET, key)
        if record is None:
            await delete_record(jetstream, ALERTS_BUCKET, key, on=on)
        else:
            await put_record(jetstream, ALERTS_BUCKET, key, msgspec.json.encode(record), on=on)
        await asyncio.sleep(0.2)  # until the replicas have heard it; nothing tells when

    async def policy(self, *webhooks: WebhookReceiver, key: str = DEFAULT_POLICY_KEY, **fields: Any) -> None:
        targets = [webhook(each) for each in webhooks]
        await self.put(key, AlertPolicy(webhooks=targets, **fields))

    async def mail_by(self, server: MailServer, *, security: Any, password: str | None = None, **fields: Any) -> None:
        sealed = None if password is None else SEALER.seal(password, purpose=SMTP_PASSWORD_PURPOSE)
        smtp = Smtp(
            **{
                "host": LOOPBACK,
                "port": server.port,
                "security": security,
                "from_address": "gateway@example.com",
                "username": None if password is None else "gateway",
                "password": sealed,
                "timeout_seconds": 3,
                **fields,
            }
        )
        await self.put(TRANSPORT_KEY, Transport(smtp=smtp, webhook_timeout_seconds=1, max_retries=3))

    async def publish(self, subject: str, data: Any, *, event_id: str | None = None) -> str:
        event = Envelope(id=event_id or new_id("evt"), type=subject, source="test", time=self.clock(), data=data)
        await self.bus.jetstream().publish(subject, msgspec.json.encode(event))
        return event.id

    async def cross(self, *, event_id: str | None = None, **fields: Any) -> str:
        return await self.publish(BUDGET_THRESHOLD_CROSSED, crossing(**fields), event_id=event_id)

    async def rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def alerts(self) -> list[tuple[str, str | None]]:
        """Status and reason of each, oldest first."""
        return [tuple(row) for row in await self.rows("SELECT status, why FROM alerts.alerts ORDER BY id")]

    async def attempts(self) -> list[str | None]:
        """Their errors, oldest first."""
        return [row[0] for row in await self.rows("SELECT error FROM alerts.attempts ORDER BY id")]

    async def deliveries(self) -> list[str]:
        return [row[0] for row in await self.rows("SELECT status FROM alerts.deliveries ORDER BY id")]


def webhook(receiver: WebhookReceiver, *, form: Any = "json", url: str | None = None) -> Webhook:
    webhook_id = f"whk_{receiver.port}"
    sealed = SEALER.seal(SECRET, purpose=webhook_secret_purpose(webhook_id))
    return Webhook(id=webhook_id, url=url or receiver.url, format=form, secret=sealed)


def crossing(**fields: Any) -> ThresholdCrossed:
    return ThresholdCrossed(
        **{
            "budget_id": "bud_1",
            "name": "Pilot",
            "scope": "tenant",
            "subject": "tnt_1",
            "hard": True,
            "period_start": datetime(2026, 11, 1, tzinfo=UTC),
            "period_end": datetime(2026, 12, 1, tzinfo=UTC),
            "level": 80,
            "amount": "10000000000",
            "spent": "8250000000",
            "tenant_id": "tnt_1",
            "tenant_name": "Research",
            "subject_name": "Research",
            **fields,
        }
    )


@pytest.fixture
async def idle(make_database: Callable[[], Awaitable[str]], tmp_path: Path) -> AsyncIterator[Alerts]:
    """Everything but the service."""
    url = await make_database()
    await asyncio.to_thread(upgrade, url=url, migrations=FOLDER, schemas=[SCHEMA])
    with NatsServer(tmp_path / "nats", sync_interval="1m") as nats:
        bus = Bus(url=nats.url, name="test")
        await bus.start()
        await bus.connected(timeout=10)
        await ensure_streams(bus.jetstream(), replicas=1)
        await ensure_buckets(bus.jetstream(), replicas=1)
        async with AsyncExitStack() as running:
            yield Alerts(url, nats, bus, running)
        await bus.close()


@pytest.fixture
async def alerts(idle: Alerts) -> Alerts:
    """With one replica."""
    await idle.start()
    return idle


@pytest.fixture
def hook() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Trusted by whatever is started after this."""
    authority = Authority(tmp_path / "authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    return authority


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other fast."""
    monkeypatch.setattr(sender, "_FIRST_PAUSE_S", 0.05)


Eventually = Callable[..., Awaitable[None]]


@pytest.fixture
def eventually() -> Eventually:
    """Waits until a condition holds, or fails."""

    async def wait(condition: Callable[[], Any], *, within: float = 15) -> None:
        async with asyncio.timeout(within):
            while True:
                result = condition()
                if await result if asyncio.iscoroutine(result) else result:
                    return
                await asyncio.sleep(0.03)

    return wait
