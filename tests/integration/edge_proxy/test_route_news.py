"""What goes in and out about routes: two replicas that tell each other, the facts for other services, health checks."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import pytest
from prometheus_client import REGISTRY

from common.bus.connection import Bus
from common.events import subjects
from common.events.providers import RouteClosed, RouteClosedEnvelope, RouteOpened, RouteOpenedEnvelope
from common.testing.emulator import Emulator
from devstack.servers.nats import NatsServer
from edge_proxy.routing.breaker import BreakerOptions

CLOSED, OPEN = 0, 2
MESSAGES = "omg_edge_breaker_messages_total"
COOL_DOWN = BreakerOptions().cool_down
FACTS: Final = {
    subjects.PROVIDER_ROUTE_OPENED: RouteOpenedEnvelope,
    subjects.PROVIDER_ROUTE_CLOSED: RouteClosedEnvelope,
}


def counted(name: str, result: str) -> float:
    """By all replicas, for they are in one process."""
    return REGISTRY.get_sample_value(name, {"result": result}) or 0


class Replica:
    """An edge, and a client of it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def until_it_knows(self, alias: str) -> None:
        async with asyncio.timeout(5):
            while (await self._client.get(f"/v1/models/{alias}")).status_code != 200:
                await asyncio.sleep(0.01)

    async def call(self, alias: str = "alias") -> httpx.Response:
        body = {"model": alias, "messages": [{"role": "user", "content": "Hello"}]}
        return await self._client.post("/v1/chat/completions", json=body)

    async def figure(self, name: str, route: Any) -> float:
        """What the metrics say of a route, 0 while they say nothing."""
        lines = (await self._client.get("/metrics")).text.splitlines()
        wanted = f'{name}{{route="{route.id}"}}'
        return next((float(each.rsplit(" ", 1)[1]) for each in lines if each.startswith(wanted)), 0)

    async def until_state(self, route: Any, state: int, *, within: float = 2) -> None:
        async with asyncio.timeout(within):
            while await self.figure("omg_edge_breaker_state", route) != state:
                await asyncio.sleep(0.01)

    async def until_cut_off(self) -> None:
        async with asyncio.timeout(10):
            while (await self._client.get("/readyz")).json()["checks"]["nats"] != "disconnected":
                await asyncio.sleep(0.01)


class Peer:
    """Somebody else at the edge's NATS."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def say(self, payload: bytes) -> None:
        await self._bus.client.publish(subjects.ROUTES_BREAKER, payload)
        await self._bus.client.flush()

    async def facts(self, count: int) -> list[Any]:
        """All facts so far, once there are `count`."""
        jetstream = self._bus.jetstream()
        async with asyncio.timeout(10):
            while (last := (await jetstream.stream_info(subjects.PROVIDER_STREAM)).state.last_seq) < count:
                await asyncio.sleep(0.02)
        messages = [await jetstream.get_msg(subjects.PROVIDER_STREAM, number) for number in range(1, last + 1)]
        return [msgspec.json.decode(each.data or b"", type=FACTS[each.subject or ""]) for each in messages]


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


@pytest.fixture
async def key(control: Any) -> str:
    return str(await control.key(await control.tenant()))


@pytest.fixture
async def peer(control: Any, nats_server: NatsServer) -> AsyncIterator[Peer]:
    bus = Bus(url=nats_server.url, name="peer")
    await bus.start()
    await bus.connected(timeout=10)
    yield Peer(bus)
    await bus.close()


@pytest.fixture
async def start(run_an_edge: Any, key: str, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Replica]]]:
    """Starts a replica, with the settings changed as given."""
    async with AsyncExitStack() as stack:

        async def start(name: str, **changes: Any) -> Replica:
            edge = await stack.enter_async_context(
                run_an_edge(state_dir=tmp_path / name, replica_id=name, max_tries=2, **changes)
            )
            headers = {"authorization": f"Bearer {key}"}
            client = httpx.AsyncClient(base_url=edge.url, headers=headers, timeout=30)
            return Replica(await stack.enter_async_context(client))

        yield start


async def both_know(control: Any, replicas: list[Replica], *routes: Any, alias: str = "alias") -> None:
    await control.models(alias, *routes)
    for replica in replicas:
        await replica.until_it_knows(alias)


async def in_force(control: Any, replicas: list[Replica], *routes: Any) -> None:
    """The alias's routes are changed, and every replica has seen it: changes of a bucket arrive in their order."""
    await control.models("alias", *routes)
    await both_know(control, replicas, routes[-1], alias=f"mark-{time.monotonic_ns()}")


async def test_a_breaker_opens_and_closes_on_all_replicas_and_other_services_are_told_once(
    start: Any, control: Any, emulator: Emulator, peer: Peer
) -> None:
    a, b = await start("a"), await start("b")
    bad, good = control.route(emulator.base_url, "emulated-error-500"), control.route(emulator.base_url, "emulated")
    good = msgspec.structs.replace(good, priority=1)
    await both_know(control, [a, b], bad, good)

    began = datetime.now(UTC)
    for _ in range(5):
        assert (await a.call()).headers["x-omg-attempts"] == "2"
    await b.until_state(bad, OPEN)
    answer = await b.call()
    assert (answer.headers["x-omg-route"], answer.headers["x-omg-attempts"]) == (good.id, "1")
    assert sum(call.body["model"] == bad.model for call in emulator.calls) == 5, "none of them was b's"

    await in_force(control, [a, b], msgspec.structs.replace(bad, model="emulated"), good)
    async with asyncio.timeout(COOL_DOWN + 3):
        while [(await a.call()).headers["x-omg-route"] for _ in range(2)] != [bad.id, bad.id]:
            await asyncio.sleep(0.1)
    await a.until_state(bad, CLOSED)
    await b.until_state(bad, CLOSED)
    assert (await b.call()).headers["x-omg-route"] == bad.id

    opened, closed = await peer.facts(2)
    about = {"route_id": bad.id, "provider": "openai-compatible", "alias": "alias"}
    assert opened.data == RouteOpened(**about, reason="server_error", open_for_ms=round(COOL_DOWN * 1000))
    assert closed.data == RouteClosed(**about, was_open_ms=closed.data.was_open_ms)
    assert COOL_DOWN * 1000 <= closed.data.was_open_ms < 60_000
    assert (opened.source, closed.source) == ("edge-proxy/a", "edge-proxy/a")
    assert began <= opened.time < closed.time


async def test_news_is_taken_over_for_longer_than_it_says_and_nonsense_is_not(
    start: Any, control: Any, emulator: Emulator, peer: Peer
) -> None:
    replica, route = await start("a"), control.route(emulator.base_url, "emulated")
    await both_know(control, [replica], route)

    def news(**fields: Any) -> bytes:
        return msgspec.json.encode({"replica": "x", "route_id": route.id, "finding": "opened", "ms": 2000, **fields})

    before = counted(MESSAGES, "unreadable")
    for nonsense in (b"", b"{", b"\xff", news(ms=-1), news(finding="lost"), news(route_id="rte_unknown")):
        await peer.say(nonsense)
    said = time.monotonic()
    await peer.say(news())
    await replica.until_state(route, OPEN)
    assert counted(MESSAGES, "unreadable") == before + 5
    refused = await replica.call()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "no_route_available")
    async with asyncio.timeout(5):
        while (await replica.call()).status_code != 200:
            await asyncio.sleep(0.02)
    assert time.monotonic() - said > 2.1
    await peer.say(news(ms=10**9))
    await replica.until_state(route, OPEN)
    wait = int((await replica.call()).headers["retry-after"])
    assert wait <= 1.5 * BreakerOptions().max_cool_down
    await peer.say(news(finding="closed"))
    await replica.until_state(route, CLOSED)
    assert (await replica.call()).status_code == 200


async def test_without_nats_each_replica_finds_out_by_itself_and_the_fact_follows(
    start: Any, control: Any, emulator: Emulator, peer: Peer, nats_server: NatsServer
) -> None:
    a, b = await start("a"), await start("b")
    bad, good = control.route(emulator.base_url, "emulated-error-500"), control.route(emulator.base_url, "emulated")
    await both_know(control, [a, b], bad, msgspec.structs.replace(good, priority=1))
    before = counted(MESSAGES, "dropped")
    nats_server.kill()
    await a.until_cut_off()
    await b.until_cut_off()

    for _ in range(5):
        assert (await a.call()).headers["x-omg-attempts"] == "2"
    await a.until_state(bad, OPEN)
    assert counted(MESSAGES, "dropped") == before + 1
    opened_at = datetime.now(UTC)
    assert [(await b.call()).headers["x-omg-attempts"] for _ in range(4)] == ["2"] * 4
    assert await b.figure("omg_edge_breaker_state", bad) == CLOSED

    nats_server.start()
    [opened] = await peer.facts(1)
    assert (opened.data.route_id, opened.source) == (bad.id, "edge-proxy/a")
    assert opened.time <= opened_at
    assert await b.figure("omg_edge_breaker_state", bad) == CLOSED, "old news is not sent"


async def test_a_provider_that_answers_again_is_probed_before_its_time(start: Any, control: Any) -> None:
    replica = await start("a", health_check_seconds=0.1)
    async with AsyncExitStack() as outage:
        emulator = await outage.enter_async_context(Emulator())
        port = emulator.base_url.split(":")[2].split("/")[0]
        route = control.route(emulator.base_url, "emulated-error-500")
        await both_know(control, [replica], route)
        # The list of models can be read, so a call is let in before the cool-down is over; it fails, and no other is let in.
        async with asyncio.timeout(COOL_DOWN - 1):
            while await replica.figure("omg_edge_breaker_opens_total", route) != 2:
                await replica.call()
        codes = set()
        for _ in range(20):
            codes.add((await replica.call()).status_code)
            await asyncio.sleep(0.05)
        assert codes == {503}
        await in_force(control, [replica], msgspec.structs.replace(route, model="emulated"))
        before = counted("omg_edge_health_checks_total", "failed")
    async with asyncio.timeout(5):
        while counted("omg_edge_health_checks_total", "failed") == before:
            await asyncio.sleep(0.01)
    back = time.monotonic()
    async with Emulator(port=int(port)):
        async with asyncio.timeout(5):
            while (await replica.call()).status_code != 200:
                await asyncio.sleep(0.02)
        assert time.monotonic() - back < 3, "the cool-down had been doubled to 10 s"


async def test_an_operation_that_no_route_can_do_is_refused_with_its_surfaces_code(
    start: Any, control: Any, emulator: Emulator
) -> None:
    replica = await start("a")
    other = control.route(emulator.base_url, "emulated-error-500", operations=["embeddings"])
    chat = control.route(emulator.base_url, "emulated", priority=1, operations=["chat", "embeddings"])
    await both_know(control, [replica], other, alias="other")
    await both_know(control, [replica], other, chat, alias="mixed")
    await control.models("falls-back", other, fallbacks=["mixed"])
    await replica.until_it_knows("falls-back")

    refused = await replica.call("other")
    assert refused.status_code == 400
    assert refused.json()["error"] == {
        "message": "The model `other` does not support this operation (chat).",
        "type": "invalid_request_error",
        "param": "model",
        "code": "chat_operation_unsupported",
    }
    for alias in ("mixed", "falls-back"):
        answer = await replica.call(alias)
        assert (answer.status_code, answer.headers["x-omg-route"], answer.headers["x-omg-attempts"]) == (
            200,
            chat.id,
            "1",
        )
    assert all(call.body["model"] == chat.model for call in emulator.calls)
