"""admin-api with one person per role. Only Postgres is there: what is tested here is decided before anything else is asked."""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from admin_api.app import create_app
from admin_api.migrations import MIGRATIONS, SCHEMAS
from admin_api.permissions import PLATFORM_ROLES, TENANT_ROLES
from admin_api.settings import ServeSettings
from admin_api.wiring import Wiring
from common.db.migrate import upgrade
from common.ids import new_id

_PERSON = "INSERT INTO control.users VALUES ($1, $2, 'Somebody', $3, 'no password', $4, now(), NULL)"
_TENANT = "INSERT INTO control.tenants (id, name, status, created_at) VALUES ($1, $1, $2, now())"
_MEMBER = "INSERT INTO control.memberships VALUES ($1, $2, $3, now())"
_SESSION = "INSERT INTO control.sessions VALUES ($1, $2, $3, now() - interval '1 hour', now() - $4::interval, now() + $5::interval)"


@dataclass(frozen=True)
class Doors:
    """An app, and the session token of each kind of visitor; `None` for one without.

    The visitors named after a tenant's roles have them in the first tenant and in the archived one, and nothing in the other.
    """

    app: FastAPI
    tokens: dict[str, str | None]
    tenant_id: str
    other_tenant_id: str
    archived_tenant_id: str

    async def knock(self, visitor: str, method: str, path: str) -> httpx.Response:
        token = self.tokens[visitor]
        headers = {} if token is None else {"cookie": f"omg_session={token}"}
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://admin.test", headers=headers) as client:
            return await client.request(method, path, json={} if method in {"POST", "PUT", "PATCH"} else None)


@pytest.fixture(scope="session")
async def doors(postgres_url: str) -> AsyncIterator[Doors]:
    name = f"test_{secrets.token_hex(6)}"
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    async with AsyncExitStack() as stack:
        server = await asyncpg.connect(postgres_url)
        stack.push_async_callback(server.close)
        await server.execute(f"CREATE DATABASE {name}")
        await asyncio.to_thread(upgrade, url=url, migrations=MIGRATIONS, schemas=SCHEMAS)
        connection = await asyncpg.connect(url)
        stack.push_async_callback(connection.close)
        settings = ServeSettings.model_validate(
            {
                "database_url": url,
                "redis_url": "redis://127.0.0.1:1",
                "nats_url": "nats://127.0.0.1:1",
                "key_hash_secret": "5c" * 32,
                "encryption_keys": "test:" + base64.b64encode(b"k" * 32).decode(),
            }
        )
        app = create_app(Wiring(settings))
        await stack.enter_async_context(app.router.lifespan_context(app))
        tenants = [new_id("tnt") for _ in range(3)]
        for tenant_id, status in zip(tenants, ("active", "active", "archived"), strict=True):
            await connection.execute(_TENANT, tenant_id, status)
        tokens = await _people(connection, tenants=(tenants[0], tenants[2]))
        yield Doors(
            app=app, tokens=tokens, tenant_id=tenants[0], other_tenant_id=tenants[1], archived_tenant_id=tenants[2]
        )


async def _people(connection: asyncpg.Connection, *, tenants: tuple[str, ...]) -> dict[str, str | None]:
    """One person per role of the platform and of `tenants`, and sessions of owners that are worth nothing."""
    tokens: dict[str, str | None] = {"signed-out": None, "forged": secrets.token_urlsafe(32)}
    for visitor, role, disabled, idle, left in (
        *((role, role, False, "0 s", "1 hour") for role in PLATFORM_ROLES),
        *((f"tenant-{role}", None, False, "0 s", "1 hour") for role in TENANT_ROLES),
        ("disabled", "owner", True, "0 s", "1 hour"),
        ("expired", "owner", False, "0 s", "-1 s"),
        ("idle", "owner", False, "2 days", "1 hour"),
    ):
        user, token = new_id("usr"), secrets.token_urlsafe(32)
        disabled_at = await connection.fetchval("SELECT now()") if disabled else None
        await connection.execute(_PERSON, user, f"{visitor}@example.com", role, disabled_at)
        for tenant_id in tenants if visitor.startswith("tenant-") else ():
            await connection.execute(_MEMBER, tenant_id, user, visitor.removeprefix("tenant-"))
        await connection.execute(
            _SESSION.replace("$4::interval", f"interval '{idle}'").replace("$5::interval", f"interval '{left}'"),
            new_id("ses"),
            hashlib.sha256(token.encode()).hexdigest(),
            user,
        )
        tokens[visitor] = token
    return tokens
