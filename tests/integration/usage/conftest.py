"""The Admin API over a migrated database, called by somebody who is signed in, at a fixed moment."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from admin_api.api_keys.models import ApiKeyRow
from admin_api.app import create_app
from admin_api.memberships.models import MembershipRow
from admin_api.migrations import MIGRATIONS, SCHEMAS
from admin_api.sessions.domain import SESSION_COOKIE, hash_token
from admin_api.sessions.models import SessionRow
from admin_api.settings import ServeSettings
from admin_api.tenants.models import TenantRow
from admin_api.users.models import UserRow
from admin_api.wiring import Wiring
from common.db.engine import Sessions, create_engine, create_sessions
from common.db.migrate import upgrade
from common.ids import new_id

NOW = datetime(2026, 11, 23, 10, 20, 30, tzinfo=UTC)
OWNER = "usr_" + "1" * 32
"""A member of the first tenant, whose key is theirs."""
_TOKEN, _OWNERS_TOKEN = secrets.token_urlsafe(32), secrets.token_urlsafe(32)


@pytest.fixture
async def database_url(make_database: Callable[[], Awaitable[str]]) -> str:
    url = await make_database()
    await asyncio.to_thread(upgrade, url=url, migrations=MIGRATIONS, schemas=SCHEMAS)
    return url


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url, name="test")
    yield engine
    await engine.dispose()


@pytest.fixture
async def sessions(engine: AsyncEngine) -> Sessions:
    """With a signed-in auditor and a signed-in member of the first tenant, and two tenants with a key each."""
    sessions = create_sessions(engine)
    user = new_id("usr")
    async with sessions.begin() as session:
        session.add_all(
            UserRow(id=id_, email=f"{name}@example.com", name=name, role=role, password_hash="-", created_at=NOW)
            for id_, name, role in ((user, "A", "auditor"), (OWNER, "Owen", None))
        )
        session.add_all(
            TenantRow(id=f"tnt_{name}", name=name.title(), status="active", created_at=NOW) for name in ("one", "two")
        )
        await session.flush()
        session.add_all(
            ApiKeyRow(
                id=f"key_{name}",
                tenant_id=f"tnt_{name}",
                name=f"Key {name}",
                hash=name,
                hint="sk-…",
                created_at=NOW,
                owner_id=OWNER if name == "one" else None,
            )
            for name in ("one", "two")
        )
        session.add(MembershipRow(tenant_id="tnt_one", user_id=OWNER, role="viewer", created_at=NOW))
        session.add_all(
            SessionRow(
                id=new_id("ses"),
                token_hash=hash_token(token),
                user_id=id_,
                created_at=NOW,
                last_seen_at=NOW,
                expires_at=NOW + timedelta(days=1),
            )
            for id_, token in ((user, _TOKEN), (OWNER, _OWNERS_TOKEN))
        )
    return sessions


@pytest.fixture
async def app(database_url: str, sessions: Sessions) -> AsyncIterator[FastAPI]:
    settings = ServeSettings(
        database_url=database_url,
        nats_url="nats://127.0.0.1:1",
        redis_url="redis://127.0.0.1:1",
        key_hash_secret="ab" * 32,
        encryption_keys="k1:" + base64.b64encode(bytes(32)).decode(),
    )
    wiring = Wiring(settings, clock=lambda: NOW)
    yield create_app(wiring)
    await wiring.services.sessions.kw["bind"].dispose()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The auditor's."""
    async with _client(app, _TOKEN) as client:
        yield client


@pytest.fixture
async def owen(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The member's of the first tenant."""
    async with _client(app, _OWNERS_TOKEN) as client:
        yield client


def _client(app: FastAPI, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://admin", cookies={SESSION_COOKIE: token}
    )
