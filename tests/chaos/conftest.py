"""The whole gateway as processes that can be killed: two edges, admin-api and its ledger worker, the three servers, a provider."""

import asyncio
import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest

from common.crypto.api_keys import new_api_key
from common.ids import new_id
from common.testing.emulator import read_call_file
from devstack.ports import free_port
from devstack.processes.child import ChildProcess, ProcessSpec
from devstack.provision import provision
from devstack.servers.base import Server
from devstack.servers.nats import NatsServer
from devstack.servers.postgres import PostgresServer
from devstack.servers.valkey import ValkeyServer

MODELS: Final = {
    "plain": "emulated-slow-first-byte-150",
    "stream": "emulated-chunks-20-delay-20",
    "long-stream": "emulated-chunks-30-delay-100",
    "endless-stream": "emulated-chunks-600-delay-100",
}


_WITH_SPARE: Final = ("plain", "stream")
_OWNER: Final = "owner@example.com"


class Service:
    """A process of ours that can be killed and started again with the same environment."""

    def __init__(
        self, name: str, arguments: tuple[str, ...], environment: Mapping[str, str], log: Path, ready: str
    ) -> None:
        self._spec = ProcessSpec(
            name=name,
            command=(sys.executable, "-m", *arguments),
            environment={**os.environ, **environment},
            log=log,
        )
        self._ready = ready
        self._child: ChildProcess | None = None

    def start(self) -> None:
        self._child = ChildProcess(self._spec)

    def kill(self) -> None:
        assert self._child is not None
        self._child.kill()

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()

    async def ready(self, *, within: float = 30) -> None:
        assert self._child is not None
        deadline = time.monotonic() + within
        async with httpx.AsyncClient() as client:
            while True:
                assert self._child.exit_code is None, "\n".join(self._child.last_lines(30))
                try:
                    if (await client.get(self._ready, timeout=2)).status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                assert time.monotonic() < deadline, "\n".join(self._child.last_lines(30))
                await asyncio.sleep(0.05)


class Stack:
    """`edges` are base URLs; `key` is good for the aliases of `MODELS`, and for `plain-with-spare` and `stream-with-spare`, which a
    second provider serves, too."""

    def __init__(self, folder: Path, edge_settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._edge_settings = edge_settings
        self.key = new_api_key()
        self.budget = new_id("bud")
        self.postgres = PostgresServer(folder / "postgres")
        self.valkey = ValkeyServer(folder / "valkey")
        self.nats = NatsServer(folder / "nats")
        self.services: dict[str, Service] = {}
        self.edges: list[str] = []
        self._urls: dict[str, str] = {}
        self._password = secrets.token_urlsafe()

    @property
    def _servers(self) -> list[Server]:
        return [self.postgres, self.valkey, self.nats]

    async def start(self) -> None:
        for server in self._servers:
            await asyncio.to_thread(server.start)
        roles = ("admin_api", "batch_runner", "file_service", "alerts")
        provisioned = await provision(self.postgres.url, passwords={role: secrets.token_urlsafe() for role in roles})
        self._database_url = provisioned.urls["admin_api"]
        environment = {
            "OMG_LISTEN_HOST": "127.0.0.1",
            "DATABASE_URL": self._database_url,
            "REDIS_URL": self.valkey.url,
            "NATS_URL": self.nats.url,
            "OMG_KEY_HASH_SECRET": secrets.token_hex(32),
            "OMG_ENCRYPTION_KEYS": f"k1:{base64.b64encode(os.urandom(32)).decode()}",
            "OMG_ALLOW_PRIVATE_UPSTREAMS": "true",
            "OMG_SECURE_COOKIES": "false",
            "OMG_PUBLIC_GATEWAY_URL": "http://127.0.0.1:1",
            "OMG_BUDGET_RECONCILE_SECONDS": "2",
            "OMG_DRAIN_DELAY_SECONDS": "0.5",
            "OMG_DRAIN_SECONDS": "4",
        }
        await asyncio.to_thread(self._admin, "migrate", environment)
        providers = {"provider": free_port(), "spare": free_port()}
        for name, port in providers.items():
            calls = str(self._folder / f"{name}.jsonl")
            self._add(name, ("common.testing.emulator", "--port", str(port), "--call-file", calls), {}, port)
            self.services[name].start()
        await asyncio.to_thread(self._admin, "bootstrap", environment, self._content(**providers))
        await self._budget()
        for name, arguments in {
            "admin-api": ("admin_api", "serve"),
            "worker": ("admin_api", "worker"),
            "edge-1": ("edge_proxy", "serve"),
            "edge-2": ("edge_proxy", "serve"),
        }.items():
            port = free_port()
            own = {"OMG_LISTEN_PORT": str(port), "OMG_STATE_DIR": str(self._folder / name), "OMG_REPLICA_ID": name}
            if name.startswith("edge"):
                own |= {"OMG_REPLICAS": "2", **self._edge_settings}
            self._add(name, arguments, {**environment, **own}, port)
            self._urls[name] = f"http://127.0.0.1:{port}"
            self.services[name].start()
            if name.startswith("edge"):
                self.edges.append(self._urls[name])
        for service in self.services.values():
            await service.ready()
        await self._serves()

    async def stop(self) -> None:
        for service in self.services.values():
            await asyncio.to_thread(service.stop)
        for server in self._servers:
            await asyncio.to_thread(server.stop)

    def provider_calls(self) -> list[dict[str, Any]]:
        """The providers' own record: every call that reached one of them."""
        return [call for name in ("provider", "spare") for call in read_call_file(self._folder / f"{name}.jsonl")]

    def log(self, name: str) -> str:
        """What a service has said so far."""
        return (self._folder / f"{name}.log").read_text()

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client of admin-api, signed in."""
        url = self._urls["admin-api"]
        async with httpx.AsyncClient(base_url=url, headers={"origin": url}, timeout=20) as client:
            reply = await client.post("/admin/auth/login", json={"email": _OWNER, "password": self._password})
            assert reply.status_code == 200, reply.text
            yield client

    async def ledger(self, query: str) -> list[Any]:
        connection = await asyncpg.connect(self._database_url, timeout=10)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    @property
    def database_url(self) -> str:
        return self._database_url

    async def _budget(self) -> None:
        """One that all calls count against, and none is refused for."""
        connection = await asyncpg.connect(self._database_url, timeout=10)
        try:
            await connection.execute(
                "INSERT INTO control.budgets"
                " (id, name, scope, subject, amount_nano_usd, hard, schedule, starts_at, warn_at, created_at)"
                " VALUES ($1, 'chaos', 'installation', '', 1000000000000, true, 'fixed', now(), 80, now())",
                self.budget,
            )
        finally:
            await connection.close()

    def _add(self, name: str, arguments: tuple[str, ...], environment: Mapping[str, str], port: int) -> None:
        path = "/v1/models" if name in {"provider", "spare"} else "/readyz"
        log = self._folder / f"{name}.log"
        self.services[name] = Service(name, arguments, environment, log, f"http://127.0.0.1:{port}{path}")

    def _admin(self, command: str, environment: Mapping[str, str], content: str | None = None) -> None:
        arguments = [sys.executable, "-m", "admin_api", command, *(["-"] if content else [])]
        run = subprocess.run(
            arguments, env={**os.environ, **environment}, input=content, text=True, capture_output=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr

    def _content(self, *, provider: int, spare: int) -> str:
        prices = {"input": "0.15", "cached_input": "0.075", "output": "0.60"}

        def route(model: str, port: int, priority: int = 0) -> dict[str, Any]:
            url = f"http://127.0.0.1:{port}/v1"
            own = {"base_url": url, "credential": "sk-any", "model": model, "priority": priority}
            return {"provider": "openai-compatible", "prices": prices, **own}

        return json.dumps(
            {
                "tenants": [{"name": "Chaos"}],
                "api_keys": [{"tenant": "Chaos", "name": "chaos", "secret": self.key}],
                "admin_users": [{"email": _OWNER, "name": "Owner", "password": self._password, "role": "owner"}],
                "models": [
                    *({"alias": alias, "routes": [route(model, provider)]} for alias, model in MODELS.items()),
                    *(
                        {
                            "alias": f"{alias}-with-spare",
                            "routes": [route(MODELS[alias], provider), route(MODELS[alias], spare, priority=1)],
                        }
                        for alias in _WITH_SPARE
                    ),
                ],
            }
        )

    async def _serves(self) -> None:
        """Wait until both edges know key and models."""
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {self.key}"}) as client, asyncio.timeout(10):
            for edge in self.edges:
                while len((await client.get(f"{edge}/v1/models")).json().get("data", [])) < len(MODELS) + len(
                    _WITH_SPARE
                ):
                    await asyncio.sleep(0.05)


@pytest.fixture
async def stack(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stack]:
    """With settings of the edges that a test may give."""
    stack = Stack(tmp_path, getattr(request, "param", {}))
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()
