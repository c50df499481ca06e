"""The emulator, and an edge before it under which every model of the emulator has its own name: two ways to the same provider."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.integration.edge_proxy.conftest import ENCRYPTION_KEYS, HASH_SECRET, ControlPlane, RunningEdge

from common.testing.emulator import Call, Emulator
from devstack.ports import free_port
from devstack.servers.nats import NatsServer
from edge_proxy.settings import EdgeSettings

_RANDOM = re.compile(rb'(?<=")(chatcmpl-|call_)[0-9a-f]+|(?<="created":)[0-9]+')


class TwoWays:
    """`direct` and `through` are clients of the same kind, with the emulator and the edge at the other end."""

    def __init__(
        self, emulator: Emulator, control: ControlPlane, direct: httpx.AsyncClient, through: httpx.AsyncClient
    ):
        self.emulator = emulator
        self.direct = direct
        self.through = through
        self._control = control
        self._served: set[str] = set()

    async def serve(self, model: str) -> None:
        """Makes the edge know the model; returns when it does."""
        if model in self._served:
            return
        await self._control.model(model, self.emulator.base_url, model=model)
        async with asyncio.timeout(5):
            while (await self.through.get(f"/v1/models/{model}")).status_code != 200:
                await asyncio.sleep(0.005)
        self._served.add(model)

    async def send(self, model: str, body: bytes) -> tuple[httpx.Response, httpx.Response]:
        """The same request both ways; the answers direct and through."""
        await self.serve(model)
        headers = {"content-type": "application/json"}
        return (
            await self.direct.post("/v1/chat/completions", content=body, headers=headers),
            await self.through.post("/v1/chat/completions", content=body, headers=headers),
        )

    async def arrived(self) -> tuple[Call, Call]:
        """The last two calls of the emulator: direct and through."""
        first, second = (await self.emulator.wait_ended(2))[-2:]
        return first, second


def comparable(content: bytes) -> bytes:
    """An answer without what is different in every answer: ids and the time."""
    return _RANDOM.sub(b"*", content)


@pytest.fixture(scope="session")
async def two_ways(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwoWays]:
    folder = tmp_path_factory.mktemp("conformance")
    with NatsServer(folder / "nats", sync_interval="1m") as nats:
        control = ControlPlane(nats.url)
        await control.start()
        settings: dict[str, Any] = {
            "listen_host": "127.0.0.1",
            "listen_port": free_port(),
            "nats_url": nats.url,
            "redis_url": redis_url,
            "key_hash_secret": HASH_SECRET.hex(),
            "encryption_keys": ENCRYPTION_KEYS,
            "state_dir": folder / "edge",
            "replica_id": "conformance",
        }
        edge = RunningEdge(EdgeSettings(**settings))
        await edge.start(ready=True)
        key = await control.key(await control.tenant())
        headers = {"authorization": f"Bearer {key}"}
        async with (
            Emulator(allow_unknown=True) as emulator,
            httpx.AsyncClient(base_url=emulator.url, headers=headers, timeout=20) as direct,
            httpx.AsyncClient(base_url=edge.url, headers=headers, timeout=20) as through,
        ):
            yield TwoWays(emulator, control, direct, through)
        await edge.stop()
        await control.close()
