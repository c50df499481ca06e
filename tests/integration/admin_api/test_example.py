"""examples/gateway.yaml starts the gateway: admin-api and edge-proxy as processes, from an empty database; and again, with edits in
between that survive."""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest

from common.crypto.api_keys import new_api_key
from devstack.ports import free_port
from devstack.servers.nats import NatsServer

EXAMPLE: Final = Path(__file__).parents[3] / "examples/gateway.yaml"
PASSWORD: Final = "an owner's first password"
KEY: Final = new_api_key()


@asynccontextmanager
async def process(package: str, *arguments: str, environment: dict[str, str]) -> AsyncIterator[str]:
    """A process of the gateway that is ready; its base URL."""
    port = free_port()
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", package, *arguments,
        env=environment | {"OMG_LISTEN_PORT": str(port), "OMG_LISTEN_HOST": "127.0.0.1"},
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient() as client, asyncio.timeout(60):
            while True:
                assert running.returncode is None, f"{package} ended"
                try:
                    if (await client.get(f"{url}/readyz")).status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)
        yield url
    finally:
        running.terminate()
        await asyncio.wait_for(running.wait(), 20)


@pytest.fixture
async def environment(make_database: Any, redis_url: str, nats_server: NatsServer, tmp_path: Path) -> dict[str, str]:
    return {
        "OMG_CONFIG_FILE": str(EXAMPLE),
        "DATABASE_URL": await make_database(),
        "REDIS_URL": redis_url,
        "NATS_URL": nats_server.url,
        "OMG_KEY_HASH_SECRET": "5c" * 32,
        "OMG_ENCRYPTION_KEYS": "k1:" + base64.b64encode(b"k" * 32).decode(),
        "OMG_STATE_DIR": str(tmp_path / "state"),
        "OMG_OWNER_PASSWORD": PASSWORD,
        "OMG_ANN_PASSWORD": "the first password of Ann",
        "OMG_CI_API_KEY": KEY,
        "OPENAI_API_KEY": "sk-nobody-is-called",
    }


async def signed_in(stack: AsyncExitStack, url: str, environment: dict[str, str]) -> httpx.AsyncClient:
    """The owner, once the file is applied. Only then: what fails to sign in counts against everybody at this address."""
    connection = await asyncpg.connect(environment["DATABASE_URL"])
    try:
        async with asyncio.timeout(30):
            while not await connection.fetchval("SELECT count(*) FROM control.users"):
                await asyncio.sleep(0.1)
    finally:
        await connection.close()
    client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30))
    reply = await client.post("/admin/auth/login", json={"email": "owner@example.com", "password": PASSWORD})
    assert reply.status_code == 200, reply.text
    # The cookie is for https only, as it is by default; here it travels by hand.
    client.headers["cookie"] = reply.headers["set-cookie"].partition(";")[0]
    async with asyncio.timeout(30):
        while (content := (await client.get("/admin/configuration")).json())["read_at"] is None:
            await asyncio.sleep(0.1)
    assert content["problems"] == []
    return client


async def named(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    return {each["name"]: each for each in (await client.get(path)).json()["data"]}


async def test_the_gateway_starts_from_the_example_and_again(environment: dict[str, str]) -> None:
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(process("admin_api", "serve", environment=environment))
        await stack.enter_async_context(process("admin_api", "worker", environment=environment))
        edge = await stack.enter_async_context(process("edge_proxy", "serve", environment=environment))
        client = await signed_in(stack, admin, environment)

        tenants = await named(client, "/admin/tenants")
        assert {"Research", "Support"} <= tenants.keys()
        models = {each["alias"] for each in (await client.get("/admin/model-catalog")).json()["data"]}
        assert models == {"gpt-4o", "gpt-4o-mini"}
        budgets = await named(client, "/admin/budgets")
        assert {name: each["amount_usd"] for name, each in budgets.items()} == {
            "Research per month": "500", "CI per week": "25",
        }  # fmt: skip
        async with httpx.AsyncClient(base_url=edge, headers={"authorization": f"Bearer {KEY}"}) as caller:
            async with asyncio.timeout(20):
                while (reply := await caller.get("/v1/models")).status_code != 200 or not reply.json()["data"]:
                    await asyncio.sleep(0.1)
        assert [each["id"] for each in reply.json()["data"]] == ["gpt-4o-mini"]

        support = f"/admin/tenants/{tenants['Support']['id']}"
        assert (await client.patch(support, json={"name": "Help desk", "models": None})).status_code == 200
        budget = budgets["Research per month"]["id"]
        assert (await client.patch(f"/admin/budgets/{budget}", json={"amount_usd": "750"})).status_code == 200
        assert (await client.delete(f"/admin/budgets/{budgets['CI per week']['id']}")).status_code == 204

    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(process("admin_api", "serve", environment=environment))
        client = await signed_in(stack, admin, environment)
        tenants = await named(client, "/admin/tenants")
        assert "Support" not in tenants
        assert tenants["Help desk"]["models"] is None
        budgets = await named(client, "/admin/budgets")
        assert {name: each["amount_usd"] for name, each in budgets.items()} == {"Research per month": "750"}


async def check(file: Path) -> tuple[int | None, str, str]:
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "devstack.cli", "config", "check", str(file),
        env={}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await asyncio.wait_for(command.communicate(), 100)
    return command.returncode, out.decode(), error.decode()


async def test_the_example_passes_the_check_and_mistakes_in_it_do_not(tmp_path: Path) -> None:
    assert await check(EXAMPLE) == (0, "the configuration is usable\n", "")

    wrong = tmp_path / "wrong.yaml"
    text = EXAMPLE.read_text()
    for right, mistake in [
        ("max_tries: 3", "max_tries: 0"),
        ("role: owner}", "role: king}"),
        ("output: 0.60", "output: x"),
    ]:
        assert right in text
        text = text.replace(right, mistake)
    wrong.write_text(text)
    code, _, problems = await check(wrong)
    assert code == 1
    keys = sorted(line.split(": ")[1] for line in problems.splitlines())
    assert keys == [
        "bootstrap.admin_users.0.role",
        "bootstrap.memberships.0.role",
        "model_catalog.1.routes.0.prices.output",
        "upstream.max_tries",
    ]
