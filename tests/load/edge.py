"""edge-proxy as it runs in production, and what it left in the usage stream.

Key authentication, the tenant's policy, prices, the call journal on disk, usage events to a real NATS JetStream, metrics, and a
log line per call into a file. Calls with the `limited_key` are held to limits and budgets besides, none of which they reach: six
limits (requests, tokens and calls at once, of the tenant and of the key) and two hard budgets.
"""

import asyncio
import base64
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from tests.load.rig import TESTED_CORE, PinnedProcess, RigError, pinned, python_module

from common.bus.connection import Bus
from common.bus.streams import ensure_buckets, ensure_streams
from common.crypto.api_keys import hash_api_key, new_api_key
from common.crypto.sealing import Sealer
from common.events import subjects
from common.events.control import (
    BudgetRecord,
    BudgetScope,
    CatalogRecord,
    KeyRecord,
    LimitPolicy,
    RateLimits,
    RouteRecord,
    TenantPolicy,
    route_credential_purpose,
)
from common.events.usage import UsageEnvelope
from common.ids import new_id
from devstack.ports import LOOPBACK, free_port
from devstack.servers import NatsServer, ValkeyServer

ALIAS: Final = "bench"
_SCOPES: Final[tuple[BudgetScope, ...]] = ("tenant", "key")
_PRICES: Final = {"input": 150_000_000, "cached_input": 75_000_000, "output": 600_000_000}


_LIMITS: Final = LimitPolicy(
    overall=RateLimits(requests_per_minute=10**9, tokens_per_minute=10**12, parallel_requests=10**6)
)


def _budgets(tenant: str, key: str) -> list[BudgetRecord]:
    return [
        BudgetRecord(
            id=new_id("bud"),
            name=scope,
            scope=scope,
            subject=subject,
            amount=str(10**17),
            hard=True,
            schedule="calendar_month",
            timezone="Europe/Berlin",
            starts_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for scope, subject in zip(_SCOPES, (tenant, key), strict=True)
    ]


class Installation:
    """The secrets and records of two tenants that may call one model at `upstream`, and of which one is limited."""

    def __init__(self, *, nats_url: str, redis_url: str, upstream: str) -> None:
        self.nats_url = nats_url
        self.redis_url = redis_url
        self.key = new_api_key()
        self.limited_key = new_api_key()
        self._upstream = upstream
        self._hash_secret = secrets.token_bytes(32)
        self._encryption_keys = f"bench:{base64.b64encode(os.urandom(32)).decode()}"
        self._limited_tenant, limited_key = new_id("tnt"), new_id("key")
        self._limited_key = KeyRecord(key_id=limited_key, tenant_id=self._limited_tenant, limits=_LIMITS)
        self.budgets = _budgets(self._limited_tenant, limited_key)

    def environment(self, *, port: int, state: Path, replica: int = 0) -> dict[str, str]:
        """The variables of an edge of this installation."""
        return {
            "OMG_LISTEN_HOST": LOOPBACK,
            "OMG_LISTEN_PORT": str(port),
            "OMG_KEY_HASH_SECRET": self._hash_secret.hex(),
            "OMG_ENCRYPTION_KEYS": self._encryption_keys,
            "OMG_STATE_DIR": str(state),
            "OMG_REPLICA_ID": f"bench-{replica}",
            "NATS_URL": self.nats_url,
            "REDIS_URL": self.redis_url,
        }

    async def put_records(self) -> None:
        """Put into the buckets what admin-api would."""
        tenant, limited = new_id("tnt"), self._limited_tenant
        await self.put(
            {
                (subjects.POLICIES_BUCKET, tenant): TenantPolicy(tenant_id=tenant, status="active", models=[ALIAS]),
                self.place_of(self.key): KeyRecord(key_id=new_id("key"), tenant_id=tenant),
                (subjects.POLICIES_BUCKET, limited): TenantPolicy(tenant_id=limited, status="active", limits=_LIMITS),
                self.place_of(self.limited_key): self._limited_key,
                **{(subjects.BUDGETS_BUCKET, each.id): each for each in self.budgets},
                **self.alias(ALIAS, upstream=self._upstream),
            }
        )

    async def put(self, records: Mapping[tuple[str, str], msgspec.Struct]) -> None:
        """Records by their bucket and key."""
        bus = await connect(self.nats_url)
        try:
            for (bucket, key), record in records.items():
                await (await bus.jetstream().key_value(bucket)).put(key, msgspec.json.encode(record))
        finally:
            await bus.close()

    def place_of(self, key: str) -> tuple[str, str]:
        """Where an API key's record lies."""
        return subjects.KEYS_BUCKET, hash_api_key(self._hash_secret, key)

    def stricter_key(self, limits: RateLimits) -> tuple[str, KeyRecord]:
        """One more key of the limited tenant, and its record."""
        record = KeyRecord(key_id=new_id("key"), tenant_id=self._limited_tenant, limits=LimitPolicy(overall=limits))
        return new_api_key(), record

    def alias(self, name: str, *, upstream: str) -> dict[tuple[str, str], CatalogRecord]:
        """The record of an alias with one route, and where it lies."""
        route = new_id("rte")
        credential = Sealer.from_setting(self._encryption_keys).seal(
            "sk-of-the-provider", purpose=route_credential_purpose(route)
        )
        record = RouteRecord(
            id=route,
            provider="openai-compatible",
            model="bench-model",
            base_url=f"http://{upstream}/v1",
            credential=credential,
            prices=_PRICES,
            price_version="prc_bench",
        )
        place = subjects.CATALOG_BUCKET, subjects.catalog_key(name)
        return {place: CatalogRecord(alias=name, created=1_770_000_000, routes=[record])}


@contextmanager
def running_edge(
    folder: Path,
    *,
    upstream: str,
    module: tuple[str, ...] = ("edge_proxy", "serve"),
    settings: Mapping[str, str] | None = None,
) -> Iterator[tuple[PinnedProcess, str, Installation]]:
    """An edge with a NATS of its own: the process, its URL, and the installation with the key to call it with."""
    with running_edges(folder, upstream=upstream, count=1, module=module, settings=settings) as (edges, installation):
        yield *edges[0], installation


@contextmanager
def running_edges(
    folder: Path,
    *,
    upstream: str,
    count: int,
    module: tuple[str, ...] = ("edge_proxy", "serve"),
    settings: Mapping[str, str] | None = None,
) -> Iterator[tuple[list[tuple[PinnedProcess, str]], Installation]]:
    """As many replicas of one installation, each with its URL, all of them on the tested core."""
    folder.mkdir(parents=True)
    with NatsServer(folder / "nats") as nats, ValkeyServer(folder / "valkey") as valkey:
        installation = Installation(nats_url=nats.url, redis_url=valkey.url, upstream=upstream)
        asyncio.run(installation.put_records())
        with ExitStack() as stack:
            edges = []
            for number in range(count):
                port = free_port()
                state, log = folder / f"state-{number}", folder / f"log-{number}"
                environment = installation.environment(port=port, state=state, replica=number)
                environment |= {"OMG_REPLICAS": str(count), **(settings or {})}
                started = pinned(python_module(*module), core=TESTED_CORE, port=port, log=log, environment=environment)
                edges.append((stack.enter_context(started), f"http://{LOOPBACK}:{port}"))
            yield edges, installation


def count_usage(installation: Installation, *, calls: int) -> tuple[int, int]:
    """Events in the usage stream and distinct calls in them, once there are `calls` or nothing more comes.

    Raises `RigError` when an event cannot be read.
    """
    return asyncio.run(_count_usage(installation, calls))


async def _count_usage(installation: Installation, calls: int) -> tuple[int, int]:
    bus = await connect(installation.nats_url)
    ids: list[str] = []
    try:
        subscription = await bus.jetstream().pull_subscribe(subjects.USAGE_SUBJECTS, durable=subjects.LEDGER_CONSUMER)
        while len(ids) < calls:
            try:
                messages = await subscription.fetch(100, timeout=5)
            except TimeoutError:
                break
            for message in messages:
                await message.ack()
                ids += [event.id for event in msgspec.json.decode(message.data, type=list[UsageEnvelope])]
    except msgspec.DecodeError as error:
        raise RigError(f"an unreadable usage event: {error}") from error
    finally:
        await bus.close()
    return len(ids), len(set(ids))


async def connect(url: str) -> Bus:
    """With all streams and buckets there. Raises `BusUnavailableError`."""
    bus = Bus(url=url, name="bench")
    await bus.start()
    await bus.connected(timeout=10)
    await ensure_streams(bus.jetstream(), replicas=1)
    await ensure_buckets(bus.jetstream(), replicas=1)
    return bus
