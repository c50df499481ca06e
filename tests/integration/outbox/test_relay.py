"""The outbox relay on real Postgres and NATS: order, exactness after crashes, one at a time, and outages."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from nats.js.api import StreamConfig
from nats.js.errors import KeyNotFoundError
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from common.bus.connection import Bus
from common.bus.records import Revision, StaleRevisionError, put_record, read_bucket, read_revision
from common.db.engine import Sessions, create_engine, create_sessions, schema_metadata
from common.outbox import batch as batch_module
from common.outbox import relay as relay_module
from common.outbox.relay import BATCH_ROWS, NotFlushedError, Relay
from common.outbox.table import Entry, Kind, Outbox, outbox_table
from devstack.servers.nats import NatsServer

OUTBOX = Outbox(outbox_table(schema_metadata("public")))
BUCKET = "things"


class Service:
    """One replica: its engine, its connection to NATS, its relay."""

    def __init__(self, engine: AsyncEngine, bus: Bus) -> None:
        self.engine = engine
        self.bus = bus
        self.sessions: Sessions = create_sessions(engine)
        self.relay = Relay(engine=engine, outbox=OUTBOX, bus=bus, lock=7)

    async def say(self, *entries: Entry) -> list[int]:
        async with self.sessions.begin() as session:
            return await OUTBOX.add(session, *entries)

    async def put(self, key: str, value: int) -> list[int]:
        return await self.say(Entry(Kind.PUT, BUCKET, key, json.dumps(value).encode()))

    async def value(self, key: str) -> int | None:
        try:
            entry = await (await self.bus.jetstream().key_value(BUCKET)).get(key)
        except KeyNotFoundError:
            return None
        assert entry.value is not None
        return int(entry.value)

    async def pending(self) -> int:
        async with self.sessions.begin() as session:
            rows = await session.execute(select(OUTBOX.table.c.id).where(OUTBOX.table.c.done_at.is_(None)))
            return len(rows.all())

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.relay.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


StartService = Callable[[], Awaitable[Service]]


@pytest.fixture
async def start_service(
    make_database: Callable[[], Awaitable[str]], nats_server: NatsServer
) -> AsyncIterator[StartService]:
    """Starts replicas of one service: the same database, the same NATS."""
    url = await make_database()
    async with AsyncExitStack() as stack:

        async def start() -> Service:
            engine = create_engine(url, name="test")
            stack.push_async_callback(engine.dispose)
            bus = Bus(url=nats_server.url, name="test")
            await bus.start()
            stack.push_async_callback(bus.close)
            await bus.connected(timeout=10)
            return Service(engine, bus)

        first = await start()
        async with first.engine.begin() as connection:
            await connection.run_sync(OUTBOX.table.metadata.create_all)
        await first.bus.jetstream().create_key_value(bucket=BUCKET)
        yield start


@pytest.fixture
async def service(start_service: StartService) -> Service:
    return await start_service()


async def test_what_was_committed_has_left_when_flushed_returns(service: Service) -> None:
    async with service.relaying():
        ids = await service.put("a", 1)
        await service.relay.flushed(ids, timeout=5)
        assert await service.value("a") == 1

        ids = await service.say(Entry(Kind.DELETE, BUCKET, "a"))
        await service.relay.flushed(ids, timeout=5)
        assert await service.value("a") is None
    assert await service.pending() == 0


async def test_what_was_rolled_back_never_leaves(service: Service) -> None:
    with pytest.raises(RuntimeError):
        async with service.sessions.begin() as session:
            await OUTBOX.add(session, Entry(Kind.PUT, BUCKET, "a", b"1"))
            raise RuntimeError("changed my mind")

    async with service.relaying():
        await service.relay.flushed(await service.put("b", 2), timeout=5)

    assert (await service.value("a"), await service.value("b")) == (None, 2)


async def test_waking_is_prompt(service: Service) -> None:
    async with service.relaying():
        await service.relay.flushed(await service.put("a", 0), timeout=5)
        started = asyncio.get_running_loop().time()
        for number in range(10):
            await service.relay.flushed(await service.put("a", number), timeout=5)
        took = asyncio.get_running_loop().time() - started

    assert took < 5, "ten changes in a row must not each wait for the poll"


async def test_what_others_left_is_found_by_the_poll(service: Service, start_service: StartService) -> None:
    other = await start_service()
    async with service.relaying():
        await service.relay.flushed(await service.put("a", 0), timeout=5)
        await other.put("a", 1)  # and it dies before it could relay
        async with asyncio.timeout(5):
            while await service.value("a") != 1:
                await asyncio.sleep(0.02)


async def test_the_last_of_many_changes_wins_over_all_replicas(start_service: StartService) -> None:
    replicas = [await start_service() for _ in range(3)]
    lock = asyncio.Lock()  # stands for the row lock every writer holds
    last: dict[str, int] = {}

    async def write(replica: Service, offset: int) -> None:
        for number in range(offset, 300, 3):
            key = f"k{number % 5}"
            async with lock:
                ids = await replica.put(key, number)
                last[key] = number
            if number % 20 == 0:
                await replica.relay.flushed(ids, timeout=10)

    async with AsyncExitStack() as stack:
        for replica in replicas:
            await stack.enter_async_context(replica.relaying())
        await asyncio.gather(*(write(replica, offset) for offset, replica in enumerate(replicas)))
        async with asyncio.timeout(10):
            while await replicas[0].pending():
                await asyncio.sleep(0.02)

    content = await read_bucket(replicas[0].bus.jetstream(), BUCKET)
    assert {key: int(value) for key, value in content.items()} == last


async def test_more_rows_than_a_batch_leave_in_one_go(service: Service) -> None:
    ids = await service.say(*(Entry(Kind.PUT, BUCKET, f"k{n}", b"1") for n in range(BATCH_ROWS * 2 + 1)))

    async with service.relaying():
        await service.relay.flushed(ids, timeout=10)

    assert len(await read_bucket(service.bus.jetstream(), BUCKET)) == BATCH_ROWS * 2 + 1


async def test_messages_leave_in_order_and_once_however_often_they_are_relayed(service: Service) -> None:
    jetstream = service.bus.jetstream()
    await jetstream.add_stream(StreamConfig(name="FACTS", subjects=["facts.>"]))
    ids = await service.say(*(Entry(Kind.PUBLISH, "facts.x", f"id-{n}", str(n).encode()) for n in range(30)))
    async with service.relaying():
        await service.relay.flushed(ids, timeout=5)
        async with service.sessions.begin() as session:  # as if the relay had died before it could mark them
            await session.execute(update(OUTBOX.table).values(done_at=None))
        service.relay.wake()
        await service.relay.flushed(ids, timeout=5)

    info = await jetstream.stream_info("FACTS")
    assert info.state.messages == 30
    bodies = [(await jetstream.get_msg("FACTS", seq)).data for seq in range(1, 31)]
    assert bodies == [str(n).encode() for n in range(30)]


async def test_a_relay_that_died_between_writing_and_marking_is_repeated_without_going_back(service: Service) -> None:
    """Rows 1 and 2 were written, neither is marked; row 2 is the newer."""
    ids = [*await service.put("a", 1), *await service.put("a", 2)]
    async with service.relaying():
        await service.relay.flushed(ids, timeout=5)
        async with service.sessions.begin() as session:
            await session.execute(update(OUTBOX.table).values(done_at=None))
        history = [await service.value("a")]
        service.relay.wake()
        while await service.pending():
            history.append(await service.value("a"))
            await asyncio.sleep(0)

    assert {*history, await service.value("a")} == {2}


@pytest.mark.parametrize("step", ["read_revision", "put_record"])
async def test_a_relay_that_lost_its_lock_cannot_undo_what_its_successor_wrote(
    service: Service, start_service: StartService, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """It stops for a while before a step; meanwhile Postgres ends its session, and another one takes over."""
    other = await start_service()
    reached, go_on = asyncio.Event(), asyncio.Event()
    real = getattr(batch_module, step)

    async def slow(*args: Any, **kwargs: Any) -> Any:
        if not reached.is_set():
            reached.set()
            await go_on.wait()
        return await real(*args, **kwargs)

    monkeypatch.setattr(batch_module, step, slow)
    await service.put("a", 1)
    async with service.relaying():
        await reached.wait()
        async with other.engine.connect() as connection:
            await connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )
        async with other.relaying():
            await other.relay.flushed(await other.put("a", 2), timeout=5)
            assert await other.value("a") == 2
        go_on.set()
        await asyncio.sleep(0.5)
        assert await other.value("a") == 2
        await service.relay.flushed(await service.put("a", 3), timeout=5)
    assert await other.value("a") == 3


async def test_a_conditional_write_on_an_old_revision_is_refused(service: Service) -> None:
    jetstream = service.bus.jetstream()
    await put_record(jetstream, BUCKET, "a", b"1", on=Revision(0, exists=False))
    seen = await read_revision(jetstream, BUCKET, "a")
    await put_record(jetstream, BUCKET, "a", b"2", on=seen)

    for stale in (seen, Revision(0, exists=False)):
        with pytest.raises(StaleRevisionError):
            await put_record(jetstream, BUCKET, "a", b"3", on=stale)
    assert await service.value("a") == 2


async def test_nats_away_rows_wait_and_flushed_says_so(service: Service, nats_server: NatsServer) -> None:
    async with service.relaying():
        nats_server.kill()
        ids = await service.put("a", 1)
        with pytest.raises(NotFlushedError):
            await service.relay.flushed(ids, timeout=0.5)
        nats_server.start()
        await service.relay.flushed(ids, timeout=10)
    assert await service.value("a") == 1


async def test_a_row_that_nats_refuses_holds_up_no_other_record(service: Service) -> None:
    poison = await service.say(Entry(Kind.PUT, BUCKET, "big", b"x" * 2 * 1024 * 1024))

    async with service.relaying():
        for number in range(5):
            await service.relay.flushed(await service.put("a", number), timeout=1)
        with pytest.raises(NotFlushedError):
            await service.relay.flushed(poison, timeout=0.3)
        # Overtaken by a later row about the same record, it has nothing to say any more.
        await service.relay.flushed([*poison, *await service.put("big", 7)], timeout=5)

    assert (await service.value("a"), await service.value("big")) == (4, 7)


async def test_a_missing_bucket_holds_up_no_other(service: Service) -> None:
    await service.say(Entry(Kind.PUT, "nowhere", "a", b"1"))

    async with service.relaying():
        await service.relay.flushed(await service.put("a", 1), timeout=2)

    assert await service.pending() == 1


async def test_the_lock_is_free_while_nothing_is_relayed(service: Service) -> None:
    async with service.relaying():
        await service.relay.flushed(await service.put("a", 1), timeout=5)
        await asyncio.sleep(0.1)
        async with service.engine.connect() as connection:
            held = await connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            assert held.scalar_one() == 0


async def test_a_relay_that_is_cancelled_gives_its_lock_back(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = asyncio.Event()

    async def never(*_args: Any, **_kwargs: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr("common.outbox.batch.put_record", never)
        ids = await service.put("a", 1)
        async with service.relaying():
            await reached.wait()

    async with service.relaying():
        await service.relay.flushed(ids, timeout=5)
    assert await service.value("a") == 1


async def test_rows_that_left_long_ago_are_forgotten(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "_CLEAN_EVERY_S", 0)
    service.relay._next_cleaning = 0
    async with service.relaying():
        await service.relay.flushed([*await service.put("a", 1), *await service.put("b", 1)], timeout=5)
        async with service.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE outbox SET done_at = now() - interval '2 days' WHERE key = 'a'")
        async with asyncio.timeout(5):
            while True:
                async with service.engine.connect() as connection:
                    left = (await connection.exec_driver_sql("SELECT key FROM outbox")).scalars().all()
                if left == ["b"]:
                    return
                service.relay.wake()
                await asyncio.sleep(0.05)
