"""Usage on its way to JetStream while NATS, memory or the disk give way; and what a restart finds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from common.bus.connection import Bus
from common.clock import utc_now
from common.events.usage import Tokens
from common.ids import new_id
from common.testing.emulator import Emulator
from devstack.servers.nats import NatsServer
from edge_proxy.recording.journal import Journal
from edge_proxy.recording.notes import Begun
from edge_proxy.recording.publisher import UsagePublisher
from edge_proxy.recording.recovery import Recovery, interrupted_event


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


async def call(edge: Any, key: str, times: int) -> list[httpx.Response]:
    headers = {"authorization": f"Bearer {key}"}
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    async with httpx.AsyncClient(base_url=edge.url, headers=headers, timeout=20) as client:
        return [await client.post("/v1/chat/completions", json=body) for _ in range(times)]


async def test_calls_go_on_without_nats_and_their_usage_follows_across_a_restart(
    control: Any, run_an_edge: Any, nats_server: NatsServer, emulator: Emulator
) -> None:
    key = await control.key(await control.tenant())
    await control.model("m", emulator.base_url, model="emulated")
    async with run_an_edge() as edge:
        while (await call(edge, key, 1))[0].status_code != 200:
            await asyncio.sleep(0.01)
        await control.usage(1)
        await asyncio.to_thread(nats_server.kill)
        assert [response.status_code for response in await call(edge, key, 20)] == [200] * 20
    async with run_an_edge() as edge:
        assert [response.status_code for response in await call(edge, key, 5)] == [200] * 5
        await asyncio.to_thread(nats_server.start)
        reached = {call.request_id for call in emulator.calls}
        # Events of the last segment that had been acknowledged may come twice: the ledger takes each call once.
        async with asyncio.timeout(20):
            events = await control.usage(len(reached))
            while {event.id for event in events} != reached:
                await asyncio.sleep(0.05)
                events = await control.usage(len(reached))
        assert {event.data.status for event in events} == {"succeeded"}
        async with asyncio.timeout(10):  # the files go once everything is acknowledged
            while len(left_in(edge.settings.state_dir / "journal")) > 1:
                await asyncio.sleep(0.05)


async def test_a_full_journal_refuses_calls_instead_of_serving_them_unbilled(
    control: Any, run_an_edge: Any, nats_server: NatsServer, emulator: Emulator
) -> None:
    key = await control.key(await control.tenant())
    await control.model("m", emulator.base_url, model="emulated")
    async with run_an_edge(journal_max_bytes=8192) as edge:
        while (await call(edge, key, 1))[0].status_code != 200:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(nats_server.kill)
        answers = await call(edge, key, 20)
        refused = [answer for answer in answers if answer.status_code != 200]
        assert refused
        assert {(answer.status_code, answer.json()["error"]["code"]) for answer in refused} == {(503, "journal_full")}
        async with httpx.AsyncClient(base_url=edge.url) as client:
            assert (await client.get("/readyz")).json()["checks"]["journal"] == "full"
        await asyncio.to_thread(nats_server.start)
        reached = len(emulator.calls)
        assert reached == sum(answer.status_code == 200 for answer in answers) + 1
        await control.usage(reached, timeout=20)
        async with asyncio.timeout(10):
            while (await call(edge, key, 1))[0].status_code != 200:
                await asyncio.sleep(0.1)


def left_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


def begun() -> Begun:
    return Begun(
        id=new_id("req"),
        time=utc_now(),
        tenant_id="tnt_1",
        key_id="key_1",
        alias="a",
        route_id="rte_1",
        provider="openai",
        model="m",
        operation="chat",
        stream=True,
        prices={"input": 1_000_000_000},
        price_version="prc_1",
        estimate=Tokens(input=3),
    )


async def connected_bus(nats: NatsServer) -> Bus:
    bus = Bus(url=nats.url, name="test")
    await bus.start()
    await bus.connected(timeout=10)
    return bus


async def test_events_beyond_memory_are_published_from_the_file(
    control: Any, nats_server: NatsServer, tmp_path: Path
) -> None:
    bus = await connected_bus(nats_server)
    with Journal(tmp_path / "journal", max_bytes=10**8, segment_bytes=4000) as journal:
        publisher = UsagePublisher(bus=bus, journal=journal, max_in_memory=5)
        calls = [begun() for _ in range(60)]
        for one in calls:
            publisher.add(interrupted_event(one, source="test"), journal.begin(msgspec.json.encode(one)))
        running = asyncio.create_task(publisher.run())
        wanted = {one.id for one in calls}
        async with asyncio.timeout(10):
            # An event in memory may lie in a segment that is published whole: it comes twice, and the ledger takes it once.
            while {event.id for event in await control.usage(60)} != wanted:
                await asyncio.sleep(0.02)
        running.cancel()
    assert left_in(tmp_path / "journal") == []
    await bus.close()


async def test_a_killed_edges_calls_in_flight_are_reported_once_as_interrupted(
    control: Any, nats_server: NatsServer, tmp_path: Path
) -> None:
    lost, settled = begun(), begun()
    with Journal(
        tmp_path, max_bytes=10**8
    ) as journal:  # closing it deletes nothing that is still held, as a kill would not
        journal.begin(msgspec.json.encode(lost))
        journal.begin(msgspec.json.encode(settled))
        journal.end(interrupted_event(settled, source="before"))
    bus = await connected_bus(nats_server)
    for _ in range(2):  # the second start finds nothing left
        with Journal(tmp_path, max_bytes=10**8) as journal:
            publisher = UsagePublisher(bus=bus, journal=journal)
            running = asyncio.create_task(publisher.run())
            await Recovery(bus=bus, journal=journal, publisher=publisher, source="after").run()
            events = await control.usage(2)
            await publisher.drain()
            running.cancel()
    assert {(event.id, event.source) for event in events} == {(lost.id, "after"), (settled.id, "before")}
    (interrupted,) = [event.data for event in events if event.id == lost.id]
    assert (interrupted.status, interrupted.estimated, interrupted.cost_nano_usd) == ("interrupted", True, "3000")
    assert left_in(tmp_path) == []
    await bus.close()
