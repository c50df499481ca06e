"""`python -m admin_api worker` as a process among real servers, any of which is killed at the worst moment."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import nats
import pytest
from nats.js.client import JetStreamContext
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from admin_api.ledger.audit import find_differences
from admin_api.migrations import MIGRATIONS, SCHEMAS
from common.bus.dead_letters import REASON_HEADER
from common.bus.streams import ensure_streams
from common.db.engine import Sessions, create_engine, create_sessions
from common.db.migrate import upgrade
from common.events import subjects
from common.events.usage import UsageEnvelope
from common.testing.usage_events import usage_event, usage_message
from devstack.ports import LOOPBACK, free_port
from devstack.processes.child import ChildProcess, ProcessSpec
from devstack.servers.nats import NatsServer
from devstack.servers.postgres import PostgresServer


class Worker:
    """One worker process; `start` again after `kill` or `stop`."""

    def __init__(self, *, database_url: str, nats_url: str, redis_url: str, log: Path) -> None:
        port = free_port()
        self.base_url = f"http://{LOOPBACK}:{port}"
        self.spec = ProcessSpec(
            name="worker",
            command=(sys.executable, "-m", "admin_api", "worker"),
            environment={
                "PATH": os.environ["PATH"],
                "DATABASE_URL": database_url,
                "NATS_URL": nats_url,
                "REDIS_URL": redis_url,
                "OMG_LISTEN_HOST": LOOPBACK,
                "OMG_LISTEN_PORT": str(port),
            },
            log=log,
        )
        self.process = ChildProcess(self.spec)

    def start(self) -> None:
        self.process = ChildProcess(self.spec)

    async def get(self, path: str) -> httpx.Response | None:
        """`None` when nobody answers."""
        async with httpx.AsyncClient(base_url=self.base_url, timeout=5) as client:
            try:
                return await client.get(path)
            except httpx.TransportError:
                return None

    async def readiness(self) -> dict[str, str]:
        answer = await self.get("/readyz")
        return {} if answer is None else answer.json()["checks"]

    async def is_ready(self) -> bool:
        answer = await self.get("/readyz")
        return answer is not None and answer.status_code == 200


class Stage:
    """The servers, the workers, and what a test does with them."""

    def __init__(self, folder: Path, postgres: PostgresServer, nats_server: NatsServer, redis_url: str) -> None:
        self.folder = folder
        self.redis_url = redis_url
        self.postgres = postgres
        self.nats = nats_server
        self.workers: list[Worker] = []
        self.sent: list[UsageEnvelope] = []
        self.engine = create_engine(postgres.url, name="test")
        self.sessions: Sessions = create_sessions(self.engine)
        self.jetstream: JetStreamContext

    def worker(self) -> Worker:
        log = self.folder / f"worker-{len(self.workers)}.log"
        self.workers.append(
            Worker(database_url=self.postgres.url, nats_url=self.nats.url, redis_url=self.redis_url, log=log)
        )
        return self.workers[-1]

    async def publish(self, events: Sequence[UsageEnvelope]) -> None:
        """As an edge does it: again and again until the stream has it."""
        self.sent += events
        await self.publish_raw(usage_message(events))

    async def publish_raw(self, body: bytes) -> None:
        while True:
            try:
                await self.jetstream.publish(subjects.USAGE_RECORDED, body)
                return
            except (nats.errors.Error, OSError):
                await asyncio.sleep(0.1)

    async def count(self) -> int:
        """Entries in the ledger; -1 while it cannot be asked."""
        try:
            async with self.sessions() as session:
                return int(await session.scalar(text("SELECT count(*) FROM ledger.usage_entries")) or 0)
        except (SQLAlchemyError, OSError):
            return -1

    async def until(self, condition: Callable[[], Awaitable[bool]], *, seconds: float = 40) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not await condition():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            logs = [f"{worker.spec.log}:\n" + "\n".join(worker.process.last_lines(30)) for worker in self.workers]
            raise AssertionError("\n".join(["it did not come to it", *logs])) from None

    async def settle(self) -> None:
        """Every sent event is in the ledger, exactly once, and every sum is right."""
        expected = {event.id: event for event in self.sent}

        async def all_there() -> bool:
            return await self.count() >= len(expected)

        await self.until(all_there)
        await self.until(self._nothing_unsettled)
        async with self.sessions() as session:
            rows = (await session.execute(text("SELECT call_id, cost_nano_usd FROM ledger.usage_entries"))).all()
            assert len(rows) == len(expected)
            assert {row.call_id: str(row.cost_nano_usd) for row in rows} == {
                event.id: event.data.cost_nano_usd for event in expected.values()
            }
            assert await find_differences(session) == []

    async def _nothing_unsettled(self) -> bool:
        try:
            last = (await self.jetstream.stream_info(subjects.USAGE_STREAM)).state.last_seq
            info = await self.jetstream.consumer_info(subjects.USAGE_STREAM, subjects.LEDGER_CONSUMER)
        except (nats.errors.Error, OSError):
            return False
        assert info.delivered is not None
        return info.delivered.stream_seq >= last and not info.num_ack_pending

    async def dead_letters(self) -> int:
        return (await self.jetstream.stream_info(subjects.DEAD_LETTER_STREAM)).state.messages


@pytest.fixture
def postgres_server(tmp_path: Path) -> Iterator[PostgresServer]:
    """A Postgres of the test's own, which it may kill and start again."""
    with PostgresServer(tmp_path / "postgres", durable=False) as server:
        yield server


@pytest.fixture
async def stage(
    tmp_path: Path, postgres_server: PostgresServer, nats_server: NatsServer, redis_url: str
) -> AsyncIterator[Stage]:
    await asyncio.to_thread(upgrade, url=postgres_server.url, migrations=MIGRATIONS, schemas=SCHEMAS)
    stage = Stage(tmp_path, postgres_server, nats_server, redis_url)

    async def ignore(_error: Exception) -> None:
        """The client would print a traceback for every refused attempt to reconnect."""

    client = await nats.connect(nats_server.url, reconnect_time_wait=0.1, max_reconnect_attempts=-1, error_cb=ignore)
    stage.jetstream = client.jetstream(timeout=1)
    await ensure_streams(stage.jetstream, replicas=1)
    yield stage
    for worker in stage.workers:
        worker.process.kill()
    await client.close()
    await stage.engine.dispose()


def _batch(size: int = 10) -> list[UsageEnvelope]:
    return [usage_event(tenant_id=f"tnt_{n % 3}", key_id=f"key_{n % 5}", output_tokens=n) for n in range(size)]


async def test_a_call_is_in_the_ledger_within_a_second(stage: Stage) -> None:
    worker = stage.worker()
    await stage.until(worker.is_ready)
    started = time.monotonic()
    await stage.publish(_batch(1))

    async def is_there() -> bool:
        return await stage.count() == 1

    await stage.until(is_there)
    assert time.monotonic() - started < 1
    await stage.settle()
    assert await worker.readiness() == {"postgres": "ok", "nats": "ok", "consumer": "ok"}
    metrics = await worker.get("/metrics")
    assert metrics is not None
    assert 'omg_consumer_items_total{consumer="ledger"} 1.0' in metrics.text
    assert 'omg_ledger_calls_total{outcome="recorded"} 1.0' in metrics.text


async def test_everything_twice_to_two_workers_is_entered_once(stage: Stage) -> None:
    stage.worker()
    stage.worker()
    batches = [_batch() for _ in range(150)]
    await asyncio.gather(*(stage.publish(batch) for batch in [*batches, *reversed(batches)]))
    await stage.settle()


async def test_a_worker_killed_in_the_middle_of_a_batch_loses_and_doubles_nothing(stage: Stage) -> None:
    worker = stage.worker()
    await stage.until(worker.is_ready)
    # The lock holds the batch between its entries and its sums; the worker dies exactly there.
    async with stage.sessions.begin() as session:
        await session.execute(text("LOCK TABLE ledger.usage_hourly IN ACCESS EXCLUSIVE MODE"))
        await stage.publish(_batch(50))

        async def is_held() -> bool:
            await session.execute(text("SELECT pg_stat_clear_snapshot()"))
            waiting = text(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ 'usage_hourly AS known'"
            )
            return bool(await session.scalar(waiting))

        await stage.until(is_held)
        worker.process.kill()
    assert await stage.count() == 0
    worker.start()
    await stage.settle()


async def test_workers_killed_at_random_moments_lose_and_double_nothing(stage: Stage) -> None:
    workers = [stage.worker(), stage.worker()]

    async def load() -> None:
        for _ in range(300):
            await stage.publish(_batch(20))

    loading = asyncio.create_task(load())
    for round_ in range(6):
        await asyncio.sleep(0.4)
        victim = workers[round_ % 2]
        victim.process.kill()
        victim.start()
    await loading
    await stage.settle()
    assert await stage.count() == 6000


async def test_a_killed_postgres_is_waited_for(stage: Stage) -> None:
    worker = stage.worker()
    await stage.until(worker.is_ready)

    async def load() -> None:
        for _ in range(100):
            await stage.publish(_batch())
            await asyncio.sleep(0.02)

    loading = asyncio.create_task(load())
    await asyncio.sleep(0.7)
    stage.postgres.kill()

    async def postgres_is_missed() -> bool:
        return (await worker.readiness()).get("postgres") not in {None, "ok"}

    await stage.until(postgres_is_missed)
    health = await worker.get("/healthz")
    assert health is not None
    assert health.status_code == 200
    await loading  # the stream takes everything meanwhile
    stage.postgres.start()
    await stage.settle()
    await stage.until(worker.is_ready)
    assert await stage.dead_letters() == 0
    metrics = await worker.get("/metrics")
    assert metrics is not None
    assert 'omg_consumer_given_back_total{cause="unavailable",consumer="ledger"}' in metrics.text
    assert worker.process.exit_code is None


async def test_a_killed_nats_is_waited_for(stage: Stage) -> None:
    worker = stage.worker()
    await stage.until(worker.is_ready)

    async def load() -> None:
        for _ in range(100):
            await stage.publish(_batch())

    loading = asyncio.create_task(load())
    await asyncio.sleep(0.3)
    stage.nats.kill()

    async def nats_is_missed() -> bool:
        return (await worker.readiness()).get("nats") not in {None, "ok"}

    await stage.until(nats_is_missed)
    stage.nats.start()
    await loading
    await stage.settle()
    await stage.until(worker.is_ready)
    assert worker.process.exit_code is None


async def test_a_worker_started_before_its_servers_finds_them(stage: Stage) -> None:
    stage.postgres.kill()
    stage.nats.kill()
    worker = stage.worker()

    async def is_alive_and_not_ready() -> bool:
        health, ready = await worker.get("/healthz"), await worker.get("/readyz")
        return health is not None and health.status_code == 200 and ready is not None and ready.status_code == 503

    await stage.until(is_alive_and_not_ready)
    stage.postgres.start()
    stage.nats.start()
    await stage.publish(_batch())
    await stage.settle()
    await stage.until(worker.is_ready)


async def test_a_terminated_worker_ends_in_time_and_hands_over(stage: Stage) -> None:
    first, second = stage.worker(), stage.worker()
    await stage.until(first.is_ready)
    await stage.until(second.is_ready)

    async def load() -> None:
        for _ in range(200):
            await stage.publish(_batch())

    loading = asyncio.create_task(load())
    await asyncio.sleep(0.3)
    started = time.monotonic()
    first.process.send(signal.SIGTERM)
    assert await asyncio.to_thread(first.process.wait, 8)
    assert time.monotonic() - started < 8
    await loading
    await stage.settle()


async def test_poison_is_dead_lettered_with_its_reason_and_stops_nothing(stage: Stage) -> None:
    worker = stage.worker()
    good = _batch(4)
    document = msgspec.json.decode(msgspec.json.encode(good[0]))
    whole = [
        b"",
        b"not json",
        b"null",
        b'{"an": "object"}',
        b"[" * 100_000,
        b"\x00" * 1000,
        os.urandom(1024 * 1024),
        b"\xff" * 1024 * 1024,
    ]
    parts = [
        17,
        "text",
        None,
        {},
        document | {"type": "usage.recorded.v2"},
        document | {"id": "not-a-call"},
        document | {"time": "2026-11-23T10:00:00"},
        document | {"data": document["data"] | {"tokens": {"input": -1}}},
        document | {"data": document["data"] | {"tokens": {"input": 2**63}}},
        document | {"data": document["data"] | {"alias": "nul\0nul"}},
        document | {"data": document["data"] | {"lines": [[[[[[[[]]]]]]]]}},
        document | {"data": document["data"] | {"cost_nano_usd": "9" * 1000}},
    ]
    for body in whole:
        await stage.publish_raw(body)
    stage.sent += good
    await stage.publish_raw(b"[" + b",".join(msgspec.json.encode(each) for each in [good[0], *parts, good[1]]) + b"]")
    # An event that only Postgres can refuse: its names, each of a legal length, are too long for an index together.
    names: dict[str, Any] = {
        name: "".join(chr(0x10000 + (n * 7919 + k * 104_729) % 0xF000) for k in range(256))
        for n, name in enumerate(("tenant_id", "key_id", "alias", "provider", "model"))
    }
    await stage.publish_raw(msgspec.json.encode([good[2], usage_event(**names), good[3]]))
    await stage.settle()
    expected = len(whole) + len(parts) + 1
    assert await stage.dead_letters() == expected
    reader = await stage.jetstream.subscribe(subjects.DEAD_LETTER_SUBJECTS, ordered_consumer=True)
    dead = [await reader.next_msg(timeout=5) for _ in range(expected)]
    assert all((message.headers or {})[REASON_HEADER] for message in dead)
    assert any("refused by the ledger" in (message.headers or {})[REASON_HEADER] for message in dead)
    await stage.until(worker.is_ready)
    await stage.publish(_batch())
    await stage.settle()
    assert worker.process.exit_code is None
