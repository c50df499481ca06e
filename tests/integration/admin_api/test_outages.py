"""A server away: what is still answered, what is refused and how, and that nothing half done stays behind."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from admin_api.migrations import MIGRATIONS, SCHEMAS
from common.db.migrate import upgrade
from devstack.servers.nats import NatsServer
from devstack.servers.postgres import PostgresServer
from devstack.servers.valkey import ValkeyServer

ROUTE = {"provider": "openai-compatible", "model": "m", "base_url": "http://127.0.0.1:1/v1", "prices": {}}


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path / "postgres", durable=False) as server:
        yield server


@pytest.fixture
async def own_admin(start_admin: Any, nats_server: NatsServer) -> Any:
    """An admin-api that has met the test's own NATS."""
    admin = await start_admin(nats_url=nats_server.url)
    await admin.in_force()
    return admin


async def test_nats_away_reads_work_and_what_the_edge_must_know_is_refused_unwritten(
    own_admin: Any, nats_server: NatsServer
) -> None:
    owner, tenant = await own_admin.owner(), await own_admin.tenant()
    nats_server.kill()
    await asyncio.sleep(0.3)

    refused = [
        await owner.post("/admin/tenants", json={"name": "New"}),
        await owner.patch(f"/admin/tenants/{tenant['id']}", json={"status": "suspended"}),
        await owner.post(f"/admin/tenants/{tenant['id']}/api-keys", json={"name": "k"}),
        await owner.put("/admin/model-catalog/m", json={"routes": [ROUTE]}),
        await owner.delete("/admin/model-catalog/m"),
    ]

    for reply in refused:
        assert reply.status_code == 503
        assert reply.json()["error"]["code"] == "not_in_force"
        assert "Nothing was changed" in reply.json()["error"]["message"]
    assert (await owner.get("/admin/tenants")).json()["data"] == [tenant]
    assert (await owner.get("/admin/api-keys")).json()["data"] == []
    assert (await owner.get("/admin/model-catalog")).json()["data"] == []
    person = {"email": "a@b.c", "name": "n", "password": "x" * 12, "role": "admin"}
    assert (await owner.post("/admin/users", json=person)).status_code == 201
    readiness = await owner.get("/readyz")
    assert (readiness.status_code, readiness.json()["checks"]["nats"]) == (200, "BusUnavailableError")

    nats_server.start()
    await own_admin.in_force()
    assert (await owner.post("/admin/tenants", json={"name": "New"})).status_code == 201


async def test_a_revocation_while_nats_is_away_is_recorded_and_takes_effect_when_it_is_back(
    own_admin: Any, nats_server: NatsServer
) -> None:
    owner, tenant = await own_admin.owner(), await own_admin.tenant()
    key = await own_admin.key(tenant["id"])
    path = f"/admin/tenants/{tenant['id']}/api-keys/{key['id']}"
    nats_server.kill()
    await asyncio.sleep(0.3)

    first = await owner.delete(path)
    again = await owner.delete(path)

    for reply in (first, again):
        assert reply.status_code == 503
        assert reply.json()["error"]["code"] == "not_in_force"
        assert "saved" in reply.json()["error"]["message"]
    (listed,) = (await owner.get(f"/admin/tenants/{tenant['id']}/api-keys")).json()["data"]
    assert listed["status"] == "revoked"

    nats_server.start()
    assert (await owner.delete(path)).status_code == 204
    assert await own_admin.record("keys", own_admin.key_hash(key["secret"])) is None


async def test_a_key_that_cannot_be_put_in_force_does_not_live(own_admin: Any, nats_server: NatsServer) -> None:
    """NATS dies between the check and the put: the key is in the table by then."""
    owner, tenant = await own_admin.owner(), await own_admin.tenant()
    propagation = own_admin.app.state.services.propagation

    def check_and_kill() -> None:
        nats_server.kill()

    propagation.check = check_and_kill
    try:
        reply = await owner.post(f"/admin/tenants/{tenant['id']}/api-keys", json={"name": "k"})
    finally:
        del propagation.check

    assert reply.status_code == 503
    assert reply.json()["error"]["code"] == "not_in_force"
    assert "sk-" not in reply.text
    (listed,) = (await owner.get(f"/admin/tenants/{tenant['id']}/api-keys")).json()["data"]
    assert listed["status"] == "revoked"
    (row,) = await own_admin.execute("SELECT hash FROM control.api_keys")
    nats_server.start()
    await own_admin.in_force()
    while await own_admin.execute("SELECT 1 FROM control.outbox WHERE done_at IS NULL"):
        await asyncio.sleep(0.05)
    assert await own_admin.record("keys", row["hash"]) is None


async def test_postgres_away_every_endpoint_says_so_and_recovers(
    start_admin: Any, nats_url: str, own_postgres: PostgresServer
) -> None:
    await asyncio.to_thread(upgrade, url=own_postgres.url, migrations=MIGRATIONS, schemas=SCHEMAS)
    admin = await start_admin(nats_url=nats_url, database_url=own_postgres.url)
    await admin.in_force()
    owner, tenant = await admin.owner(), await admin.tenant()
    own_postgres.kill()

    replies = [
        await owner.get("/admin/auth/session"),
        await owner.get("/admin/tenants"),
        await owner.post("/admin/tenants", json={"name": "New"}),
        await owner.delete(f"/admin/tenants/{tenant['id']}/api-keys/key_{'0' * 32}"),
        await owner.put("/admin/model-catalog/m", json={"routes": [ROUTE]}),
        await owner.post("/admin/auth/login", json={"email": "a@b", "password": "x"}),
        await owner.post("/admin/auth/logout"),
    ]
    readiness = await owner.get("/readyz")

    for reply in replies:
        assert reply.status_code == 503, reply.text
        assert reply.json()["error"]["code"] == "unavailable"
    assert readiness.status_code == 503
    assert readiness.json()["checks"]["postgres"] == "DatabaseUnavailableError"
    assert (await owner.get("/healthz")).status_code == 200
    assert str(own_postgres.port) not in "".join(reply.text for reply in replies) + readiness.text

    own_postgres.start()
    assert (await owner.get("/admin/tenants")).json()["data"] == [tenant]
    assert (await owner.post("/admin/tenants", json={"name": "New"})).status_code == 201


async def test_a_database_that_was_never_migrated_is_unavailable(
    start_admin: Any, nats_url: str, make_database: Any
) -> None:
    admin = await start_admin(nats_url=nats_url, database_url=await make_database())

    reply = await (await admin.client()).post("/admin/auth/login", json={"email": "a@b", "password": "x"})

    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "unavailable")


async def test_redis_away_people_still_sign_in_and_guessing_is_still_throttled(
    start_admin: Any, nats_url: str, tmp_path: Path
) -> None:
    with ValkeyServer(tmp_path / "valkey") as valkey:
        admin = await start_admin(nats_url=nats_url, redis_url=valkey.url)
        client, email = await admin.client(), await admin.user("admin")
        await admin.sign_in(client, email)
        assert (await client.get("/readyz")).json()["checks"]["redis"] == "ok"
        valkey.kill()

        await admin.sign_in(client, email)
        statuses = [
            (await client.post("/admin/auth/login", json={"email": email, "password": "no"})).status_code
            for _ in range(11)
        ]
        readiness = await client.get("/readyz")
        metrics = (await client.get("/metrics")).text

    assert statuses == [401] * 10 + [429]
    assert readiness.status_code == 200
    assert readiness.json()["checks"]["redis"] != "ok"
    assert "omg_login_throttle_fallback_total" in metrics


async def test_everything_away_at_the_start_is_found_later(
    start_admin: Any, nats_server: NatsServer, own_postgres: PostgresServer
) -> None:
    await asyncio.to_thread(upgrade, url=own_postgres.url, migrations=MIGRATIONS, schemas=SCHEMAS)
    own_postgres.kill()
    nats_server.kill()
    admin = await start_admin(nats_url=nats_server.url, database_url=own_postgres.url)
    client = await admin.client()
    assert (await client.get("/readyz")).status_code == 503

    own_postgres.start()
    nats_server.start()
    await admin.in_force()

    assert (await client.get("/readyz")).status_code == 200
    await admin.tenant()
