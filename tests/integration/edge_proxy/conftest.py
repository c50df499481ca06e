"""An edge in this process, under the real server, on a real NATS; its configuration is put into the buckets by the test."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import uvloop
from prometheus_client import CollectorRegistry

from common.bus.connection import Bus
from common.bus.streams import ensure_buckets, ensure_streams
from common.crypto.api_keys import hash_api_key, new_api_key
from common.crypto.sealing import Sealer
from common.events import subjects
from common.events.control import (
    BudgetRecord,
    CatalogRecord,
    KeyRecord,
    RouteRecord,
    TenantPolicy,
    route_credential_purpose,
)
from common.events.usage import UsageEnvelope
from common.ids import new_id
from devstack.ports import free_port
from devstack.servers.nats import NatsServer
from edge_proxy.app import serving
from edge_proxy.settings import EdgeSettings


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The edge runs on uvloop, so it is tested there."""
    return {"uvloop": uvloop.new_event_loop}


HASH_SECRET = os.urandom(32)
ENCRYPTION_KEYS = f"test:{base64.b64encode(os.urandom(32)).decode()}"
PRICES = {"input": 150_000_000, "cached_input": 75_000_000, "output": 600_000_000}


class ControlPlane:
    """Stands where admin-api stands: writes the records the edge works from, and reads the events it publishes."""

    def __init__(self, nats_url: str) -> None:
        self._bus = Bus(url=nats_url, name="test")
        self._sealer = Sealer.from_setting(ENCRYPTION_KEYS)

    async def start(self) -> None:
        await self._bus.start()
        await self._bus.connected(timeout=10)
        await ensure_streams(self._bus.jetstream(), replicas=1)
        await ensure_buckets(self._bus.jetstream(), replicas=1)

    async def close(self) -> None:
        await self._bus.close()

    async def put(self, bucket: str, key: str, value: bytes) -> None:
        await (await self._bus.jetstream().key_value(bucket)).put(key, value)

    async def delete(self, bucket: str, key: str) -> None:
        await (await self._bus.jetstream().key_value(bucket)).delete(key)

    async def tenant(self, *, status: str = "active", models: list[str] | None = None, id_: str | None = None) -> str:
        tenant_id = id_ or new_id("tnt")
        policy = TenantPolicy(tenant_id=tenant_id, status=status, models=models)  # type: ignore[arg-type]
        await self.put(subjects.POLICIES_BUCKET, tenant_id, msgspec.json.encode(policy))
        return tenant_id

    async def key(self, tenant_id: str, **fields: Any) -> str:
        """`fields` as in `KeyRecord`."""
        secret = new_api_key()
        record = KeyRecord(**{"key_id": new_id("key"), "tenant_id": tenant_id, **fields})
        await self.put(subjects.KEYS_BUCKET, hash_api_key(HASH_SECRET, secret), msgspec.json.encode(record))
        return secret

    async def revoke(self, secret: str) -> None:
        await self.delete(subjects.KEYS_BUCKET, hash_api_key(HASH_SECRET, secret))

    async def model(self, alias: str, base_url: str, *, model: str, credential: str | None = None) -> None:
        await self.models(alias, self.route(base_url, model, credential=credential))

    def route(self, base_url: str, model: str, *, credential: str | None = None, **fields: Any) -> RouteRecord:
        """`fields` as in `RouteRecord`."""
        route_id = new_id("rte")
        return RouteRecord(
            id=route_id,
            provider="openai-compatible",
            model=model,
            base_url=base_url,
            credential=credential and self._sealer.seal(credential, purpose=route_credential_purpose(route_id)),
            prices=PRICES,
            price_version="prc_test",
            **fields,
        )

    async def models(self, alias: str, *routes: RouteRecord, **fields: Any) -> None:
        """An alias with several routes; `fields` as in `CatalogRecord`."""
        record = CatalogRecord(alias=alias, created=1_700_000_000, routes=list(routes), **fields)
        await self.put(subjects.CATALOG_BUCKET, subjects.catalog_key(alias), msgspec.json.encode(record))

    async def budget(self, scope: str, subject: str, amount: int, **fields: Any) -> str:
        """`amount` in nano-USD; `fields` as in `BudgetRecord`."""
        usual = {
            "name": "test",
            "hard": True,
            "schedule": "calendar_month",
            "timezone": "UTC",
            "starts_at": datetime(2026, 1, 1, tzinfo=UTC),
        }
        fields = {"id": new_id("bud"), "scope": scope, "subject": subject, "amount": str(amount), **usual, **fields}
        record = BudgetRecord(**fields)
        await self.put(subjects.BUDGETS_BUCKET, record.id, msgspec.json.encode(record))
        return record.id

    async def usage(self, count: int, *, timeout: float = 10) -> list[UsageEnvelope]:
        """All usage events so far, once there are `count`; fails with what there is after `timeout` seconds."""
        jetstream = self._bus.jetstream()
        events: list[UsageEnvelope] = []
        sequence = 1
        async with asyncio.timeout(timeout):
            while len(events) < count:
                last = (await jetstream.stream_info(subjects.USAGE_STREAM)).state.last_seq
                for number in range(sequence, last + 1):
                    message = await jetstream.get_msg(subjects.USAGE_STREAM, number)
                    assert message.data is not None
                    events += msgspec.json.decode(message.data, type=list[UsageEnvelope])
                sequence = last + 1
                await asyncio.sleep(0.02)
        return events


class RunningEdge:
    """`url` without /v1; `settings` it was started with."""

    def __init__(self, settings: EdgeSettings) -> None:
        self.settings = settings
        self.url = f"http://127.0.0.1:{settings.listen_port}"
        self._edge = AsyncExitStack()

    async def start(self, *, ready: bool) -> None:
        await self._edge.enter_async_context(serving(self.settings, registry=CollectorRegistry()))
        async with asyncio.timeout(10):
            while ready and not await self._is_ready():
                await asyncio.sleep(0.01)

    async def _is_ready(self) -> bool:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{self.url}/readyz")).status_code == 200

    async def stop(self) -> None:
        await self._edge.aclose()


EdgeFactory = Callable[..., AbstractAsyncContextManager[RunningEdge]]


@pytest.fixture
async def control(nats_server: NatsServer) -> AsyncIterator[ControlPlane]:
    control = ControlPlane(nats_server.url)
    await control.start()
    yield control
    await control.close()


@pytest.fixture
def edge_settings(nats_server: NatsServer, redis_url: str, tmp_path: Path) -> dict[str, Any]:
    return {
        "listen_host": "127.0.0.1",
        "nats_url": nats_server.url,
        "redis_url": redis_url,
        "key_hash_secret": HASH_SECRET.hex(),
        "encryption_keys": ENCRYPTION_KEYS,
        "state_dir": tmp_path / "edge",
        "replica_id": "test",
    }


@pytest.fixture
def run_an_edge(edge_settings: dict[str, Any]) -> EdgeFactory:
    """Starts an edge with the given settings changed, and waits until it is ready; several may run, with a state_dir each."""

    @asynccontextmanager
    async def run(*, ready: bool = True, **changes: Any) -> AsyncIterator[RunningEdge]:
        edge = RunningEdge(EdgeSettings(**{**edge_settings, "listen_port": free_port(), **changes}))
        await edge.start(ready=ready)
        try:
            yield edge
        finally:
            await edge.stop()

    return run


@pytest.fixture
async def edge(control: ControlPlane, run_an_edge: EdgeFactory) -> AsyncIterator[RunningEdge]:
    async with run_an_edge() as running:
        yield running
