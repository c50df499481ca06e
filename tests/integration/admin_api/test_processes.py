"""admin-api as it is deployed: processes, two replicas beside each other, signals, and settings that are wrong."""

import asyncio
import base64
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import nats
import pytest
from nats.js.errors import KeyNotFoundError

from admin_api.ledger.service import record_usage
from admin_api.migrations import MIGRATIONS, SCHEMAS
from common.crypto.api_keys import hash_api_key
from common.db.engine import create_engine, create_sessions
from common.db.migrate import upgrade
from common.testing.usage_events import usage_event
from devstack.ports import free_port
from devstack.servers.nats import NatsServer

SECRET = "5c" * 32
LOGIN = {"email": "owner@example.com", "password": "a password to print"}


def environment(**given: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "OMG_LISTEN_HOST": "127.0.0.1", **given}


@asynccontextmanager
async def process(command: str, env: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "admin_api", *command.split(),
        env=env, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


@pytest.fixture
async def deployment(
    make_database: Callable[[], Awaitable[str]], redis_url: str, nats_server: NatsServer
) -> dict[str, str]:
    """The environment of a process whose database is migrated and has one owner."""
    url = await make_database()
    await asyncio.to_thread(upgrade, url=url, migrations=MIGRATIONS, schemas=SCHEMAS)
    env = environment(
        DATABASE_URL=url,
        REDIS_URL=redis_url,
        NATS_URL=nats_server.url,
        OMG_KEY_HASH_SECRET=SECRET,
        OMG_ENCRYPTION_KEYS="k:" + base64.b64encode(b"k" * 32).decode(),
        OMG_SECURE_COOKIES="false",
    )
    async with process("bootstrap -", env) as bootstrap:
        document = {"admin_users": [{**LOGIN, "name": "Owner", "role": "owner"}]}
        await bootstrap.communicate(json.dumps(document).encode())
        assert bootstrap.returncode == 0
    return env


@asynccontextmanager
async def serving(env: dict[str, str]) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx.AsyncClient]]:
    """A replica that is ready, and an owner signed in to it."""
    port = free_port()
    async with (
        process("serve", {**env, "OMG_LISTEN_PORT": str(port)}) as running,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client,
    ):
        async with asyncio.timeout(20):
            while True:
                try:
                    reply = await client.get("/readyz")
                    if reply.status_code == 200 and reply.json()["checks"]["nats"] == "ok":
                        break
                except httpx.TransportError:
                    assert running.returncode is None
                await asyncio.sleep(0.05)
        assert (await client.post("/admin/auth/login", json=LOGIN)).status_code == 200
        yield running, client


async def create_key(client: httpx.AsyncClient, tenant_id: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            reply = await client.post(f"/admin/tenants/{tenant_id}/api-keys", json={"name": "k"})
            if reply.status_code == 201:
                key: dict[str, Any] = reply.json()
                return key


async def test_two_replicas_put_each_other_s_changes_in_force(
    deployment: dict[str, str], nats_server: NatsServer
) -> None:
    async with serving(deployment) as (_, first), serving(deployment) as (_, second):
        tenant = (await first.post("/admin/tenants", json={"name": "Shared"})).json()
        keys = await asyncio.gather(*(create_key(each, tenant["id"]) for each in (first, second) * 10))
        bus = await nats.connect(nats_server.url)
        try:
            bucket = await bus.jetstream().key_value("keys")
            for key in keys:
                assert (await bucket.get(hash_api_key(bytes.fromhex(SECRET), key["secret"]))).value
            revoked = await asyncio.gather(
                *(
                    each.delete(f"/admin/tenants/{tenant['id']}/api-keys/{key['id']}")
                    for each, key in zip((second, first) * 10, keys, strict=True)
                )
            )
            assert {reply.status_code for reply in revoked} == {204}
            for key in keys:
                with pytest.raises(KeyNotFoundError):
                    await bucket.get(hash_api_key(bytes.fromhex(SECRET), key["secret"]))
        finally:
            await bus.close()


async def test_a_replica_that_is_killed_leaves_its_changes_to_the_other(
    deployment: dict[str, str], nats_server: NatsServer
) -> None:
    async with serving(deployment) as (running, first), serving(deployment) as (_, second):
        tenant = (await first.post("/admin/tenants", json={"name": "Shared"})).json()
        for number in range(40):
            writes = asyncio.gather(
                *(first.patch(f"/admin/tenants/{tenant['id']}", json={"models": [f"m{number}-{n}"]}) for n in range(3)),
                return_exceptions=True,
            )
            if number == 20:
                await asyncio.sleep(0.005)
                running.kill()
            await writes
        bus = await nats.connect(nats_server.url)
        try:
            bucket = await bus.jetstream().key_value("policies")
            expected = (await second.get(f"/admin/tenants/{tenant['id']}")).json()["models"]
            async with asyncio.timeout(5):
                while json.loads((await bucket.get(tenant["id"])).value or b"{}")["models"] != expected:
                    await asyncio.sleep(0.02)
        finally:
            await bus.close()
        connection = await asyncpg.connect(deployment["DATABASE_URL"])
        try:
            async with asyncio.timeout(5):
                while await connection.fetchval("SELECT count(*) FROM control.outbox WHERE done_at IS NULL"):
                    await asyncio.sleep(0.02)
        finally:
            await connection.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_gracefully(deployment: dict[str, str], number: signal.Signals) -> None:
    async with serving(deployment) as (running, _):
        started = time.monotonic()
        running.send_signal(number)
        out, _ = await asyncio.wait_for(running.communicate(), 8)

    assert time.monotonic() - started < 8
    assert running.returncode in {0, -number}
    assert b"Traceback" not in out, out.decode()
    for line in out.splitlines():
        assert json.loads(line)["service"] == "admin-api", line


async def test_it_stops_while_everything_it_needs_is_away(nats_server: NatsServer, deployment: dict[str, str]) -> None:
    async with serving(deployment) as (running, client):
        nats_server.kill()
        await client.get("/readyz")
        running.terminate()
        out, _ = await asyncio.wait_for(running.communicate(), 8)

    assert b"Traceback" not in out, out.decode()


async def test_a_wrong_setting_ends_the_process_without_a_traceback() -> None:
    async with process("serve", environment(OMG_LISTEN_PORT="99999", REDIS_URL="http://hunter2")) as running:
        out, _ = await asyncio.wait_for(running.communicate(), 20)

    assert running.returncode == 2
    for name in ("OMG_LISTEN_PORT", "REDIS_URL", "DATABASE_URL", "OMG_KEY_HASH_SECRET"):
        assert name in out.decode()
    assert b"hunter2" not in out
    assert b"Traceback" not in out, out.decode()


async def test_the_description_needs_no_settings() -> None:
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(process("openapi", environment()))
        out, _ = await asyncio.wait_for(running.communicate(), 20)

    api = json.loads(out)
    assert running.returncode == 0
    assert api["paths"]["/admin/model-catalog/{alias}"]["put"]["operationId"] == "put_model"
    assert not [
        (path, status)
        for path, operations in api["paths"].items()
        for operation in operations.values()
        for status in operation["responses"]
        if status == "422"
    ]


async def test_calls_are_priced_again_from_the_command_line(deployment: dict[str, str]) -> None:
    event = usage_event(time=datetime(2026, 11, 3, tzinfo=UTC))
    engine = create_engine(deployment["DATABASE_URL"], name="test", pool_size=1)
    await record_usage(create_sessions(engine), [event])
    await engine.dispose()

    async def rerated(options: str) -> tuple[int | None, bytes]:
        async with process(f"ledger rerate {options}", deployment) as running:
            out, _ = await asyncio.wait_for(running.communicate(), 20)
            return running.returncode, out

    code, out = await rerated("--from 2026-11-01 --to 2026-12-01 --json")
    assert (code, json.loads(out)[0]["calls_without_prices"]) == (0, 1)
    code, out = await rerated("--from 2026-11-01T00:00:00Z --to 2026-12-01 --model another")
    assert (code, out.split()[-7:]) == (0, [b"total", *[b"0"] * 6])
    assert (await rerated("--from yesterday --to 2026-12-01"))[0] == 2
