"""A running admin-api inside the test process, on real Postgres, Valkey and NATS.

`admin` is shared by the tests of the session that leave it as they found it but for new content; `start_admin` gives a test one
of its own, whose servers it may kill.
"""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import nats
import pytest
import redis
from fastapi import FastAPI
from nats.aio.client import Client
from nats.js.errors import KeyNotFoundError
from tests.integration.admin_api.sso import CALLBACK
from tests.servers.oidc import OpenIdProvider

from admin_api.app import create_app
from admin_api.migrations import MIGRATIONS, SCHEMAS
from admin_api.permissions import PlatformRole, TenantRole
from admin_api.settings import ServeSettings
from admin_api.wiring import Wiring
from alerts.app import create_app as create_alerts
from alerts.migrations import FOLDER as ALERTS_MIGRATIONS
from alerts.models import SCHEMA as ALERTS_SCHEMA
from alerts.settings import ServeSettings as AlertsSettings
from alerts.wiring import Wiring as AlertsWiring
from common.clock import utc_now
from common.crypto.api_keys import hash_api_key
from common.crypto.sealing import Sealer
from common.db.migrate import upgrade
from devstack.servers.nats import NatsServer

PASSWORD = "correct horse battery staple"
PASSWORD_HASH = "$argon2id$v=19$m=19456,t=2,p=1$IZZDymot6rCzi3W9WQSFTA$dVSaiHfojspfV5/sBbh4VU4yCjlQXn48+2GxSEovhAE"


class MovableClock:
    """The real time, until a test moves it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass
class Admin:
    """One running admin-api and what its tests need around it."""

    app: FastAPI
    settings: ServeSettings
    clock: MovableClock
    clients: AsyncExitStack
    signed_in: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    @property
    def database_url(self) -> str:
        return self.settings.database_url.get_secret_value()

    @property
    def sealer(self) -> Sealer:
        return Sealer.from_setting(self.settings.encryption_keys.get_secret_value())

    def key_hash(self, secret: str) -> str:
        return hash_api_key(self.settings.key_hash_secret_bytes, secret)

    async def client(self, **headers: str) -> httpx.AsyncClient:
        """Somebody who is not signed in."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://admin.test", headers=headers, timeout=30)
        return await self.clients.enter_async_context(client)

    async def user(self, role: PlatformRole | None) -> str:
        """The e-mail address of a new user whose password is PASSWORD."""
        email = f"{role or 'person'}-{secrets.token_hex(6)}@example.com"
        await self.execute(
            "INSERT INTO control.users (id, email, name, role, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, now())",
            f"usr_{int(utc_now().timestamp() * 1000):012x}{secrets.token_hex(10)}",
            email,
            f"Some {role or 'person'}",
            role,
            PASSWORD_HASH,
        )
        return email

    async def signed_in_as(self, role: PlatformRole | None) -> httpx.AsyncClient:
        """A client with a fresh session of a fresh user."""
        client = await self.client()
        await self.sign_in(client, await self.user(role))
        return client

    async def member(self, tenant_id: str, role: TenantRole) -> httpx.AsyncClient:
        """A fresh person without a platform role, signed in, with this role in a tenant."""
        client = await self.signed_in_as(None)
        user_id = (await client.get("/user/profile")).json()["id"]
        reply = await (await self.owner()).put(f"/admin/tenants/{tenant_id}/members/{user_id}", json={"role": role})
        assert reply.status_code == 201, reply.text
        return client

    async def sign_in(self, client: httpx.AsyncClient, email: str) -> dict[str, Any]:
        reply = await client.post("/admin/auth/login", json={"email": email, "password": PASSWORD})
        assert reply.status_code == 200, reply.text
        session: dict[str, Any] = reply.json()
        return session

    async def owner(self) -> httpx.AsyncClient:
        """The same owner's client for all tests that share this admin-api."""
        if "owner" not in self.signed_in:
            self.signed_in["owner"] = await self.signed_in_as("owner")
        return self.signed_in["owner"]

    async def tenant(self, **fields: Any) -> dict[str, Any]:
        reply = await (await self.owner()).post("/admin/tenants", json={"name": f"T {secrets.token_hex(6)}", **fields})
        assert reply.status_code == 201, reply.text
        tenant: dict[str, Any] = reply.json()
        return tenant

    async def key(self, tenant_id: str, **fields: Any) -> dict[str, Any]:
        reply = await (await self.owner()).post(
            f"/admin/tenants/{tenant_id}/api-keys", json={"name": "A key", **fields}
        )
        assert reply.status_code == 201, reply.text
        key: dict[str, Any] = reply.json()
        return key

    async def record(self, bucket: str, key: str) -> dict[str, Any] | None:
        """A record of the configuration as an edge would read it at this moment."""
        content = await self.raw_record(bucket, key)
        return None if content is None else json.loads(content)

    async def raw_record(self, bucket: str, key: str) -> bytes | None:
        async with self.nats() as client:
            try:
                entry = await (await client.jetstream().key_value(bucket)).get(key)
                return entry.value or b""
            except KeyNotFoundError:
                return None

    @asynccontextmanager
    async def nats(self) -> AsyncIterator[Client]:
        client = await nats.connect(self.settings.nats_url.get_secret_value())
        try:
            yield client
        finally:
            await client.close()

    async def in_force(self) -> None:
        """Wait until admin-api has found NATS and made the buckets."""
        await ready(self)

    async def execute(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()


StartAdmin = Callable[..., Awaitable[Admin]]


@asynccontextmanager
async def run_admin(
    *, database_url: str, redis_url: str, nats_url: str, environment: dict[str, str] | None = None, **settings: Any
) -> AsyncIterator[Admin]:
    """Run the app with its background tasks until the context ends."""
    chosen = ServeSettings.model_validate(
        {
            "database_url": database_url,
            "redis_url": redis_url,
            "nats_url": nats_url,
            "key_hash_secret": "5c" * 32,
            "encryption_keys": "test:" + base64.b64encode(b"k" * 32).decode(),
            "public_gateway_url": "https://gateway.example/v1/",
            "secure_cookies": False,
            "allow_private_upstreams": True,
            "allow_private_webhooks": True,
            **settings,
        }
    )
    clock = MovableClock()
    app = create_app(Wiring(chosen, clock=clock, environment=environment or {}))
    async with AsyncExitStack() as clients, app.router.lifespan_context(app):
        yield Admin(app=app, settings=chosen, clock=clock, clients=clients)


async def new_database(postgres_url: str) -> str:
    name = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    await asyncio.to_thread(upgrade, url=url, migrations=MIGRATIONS, schemas=SCHEMAS)
    return url


@pytest.fixture(scope="session")
async def admin(postgres_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Admin]:
    """Its NATS is its own: the buckets hold what this admin-api says, and nothing of other tests."""
    database_url = await new_database(postgres_url)
    with NatsServer(tmp_path_factory.mktemp("admin-nats"), sync_interval="1m") as server:
        async with (
            run_admin(database_url=database_url, redis_url=redis_url, nats_url=server.url) as running,
            run_alerts(running),
        ):
            await ready(running)
            yield running


@asynccontextmanager
async def run_alerts(admin: Admin) -> AsyncIterator[None]:
    """The service that the history and tests of alerts are asked of, on admin-api's database and NATS."""
    url = admin.database_url
    await asyncio.to_thread(upgrade, url=url, migrations=ALERTS_MIGRATIONS, schemas=[ALERTS_SCHEMA])
    settings = AlertsSettings.model_validate(
        {
            "database_url": url,
            "nats_url": admin.settings.nats_url.get_secret_value(),
            "encryption_keys": admin.settings.encryption_keys.get_secret_value(),
            "allow_private_webhooks": True,
            "webhook_max_retries": 0,
        }
    )
    app = create_alerts(AlertsWiring(settings))
    async with app.router.lifespan_context(app):
        yield


@pytest.fixture
async def start_admin(
    make_database: Callable[[], Awaitable[str]], redis_url: str, tmp_path: Path
) -> AsyncIterator[StartAdmin]:
    """Starts an admin-api of the test's own; by default on an empty, migrated database."""
    async with AsyncExitStack() as running:

        async def start(*, nats_url: str, database_url: str | None = None, **settings: Any) -> Admin:
            if database_url is None:
                database_url = await make_database()
                await asyncio.to_thread(upgrade, url=database_url, migrations=MIGRATIONS, schemas=SCHEMAS)
            given = {"redis_url": redis_url, **settings}
            return await running.enter_async_context(run_admin(database_url=database_url, nats_url=nats_url, **given))

        yield start


async def ready(admin: Admin) -> None:
    """Wait until admin-api has found NATS and made the buckets."""

    async def is_ready() -> bool:
        client = await admin.client()
        if (await client.get("/readyz")).json()["checks"]["nats"] != "ok":
            return False
        async with admin.nats() as connection:
            streams = await connection.jetstream().streams_info()
        return {stream.config.name for stream in streams} >= {"KV_keys", "KV_policies", "KV_catalog", "KV_settings"}

    await wait_until(is_ready)


async def wait_until(condition: Callable[[], Awaitable[bool]], *, within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.02)


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """Waits until a condition holds, or fails."""
    return wait_until


@pytest.fixture(scope="module", autouse=True)
def _nobody_pays_for_other_modules(redis_url: str) -> None:
    """Failed attempts to sign in count against the address, and all tests come from the same one."""
    with redis.Redis.from_url(redis_url) as connection:
        for counter in connection.scan_iter("omg:login:*"):
            connection.delete(counter)


@pytest.fixture
async def idp() -> AsyncIterator[OpenIdProvider]:
    with OpenIdProvider(redirect_url=CALLBACK) as provider:
        yield provider


@pytest.fixture
def gateway(start_admin: Any, nats_url: str, idp: OpenIdProvider) -> Callable[..., Awaitable[Any]]:
    """An admin-api that knows the provider."""

    async def start(**settings: Any) -> Any:
        admin = await start_admin(nats_url=nats_url, **idp.settings(**settings))
        await admin.in_force()
        return admin

    return start
