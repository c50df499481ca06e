"""What clients notice when the first of an alias's two routes goes wrong: calls that fail, and the time it costs the others.

Both routes lead to the emulator, which errs as the route's model name says. Calls arrive at a steady rate, whether earlier ones
have ended or not, well below what the machine can carry: the time that is added is failover's, not a queue's. Added is what a
scenario's calls take more than the same kind of calls with two healthy routes, at the median and at the 99th percentile.

Where the second route is healthy, 999 of 1,000 calls must succeed. Streams that break after their first byte cannot be tried again;
there the bar is that none of them looks whole.
"""

import asyncio
import math
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final, Literal

import msgspec
import uvloop
from tests.load.contests import Effort, call_body
from tests.load.edge import ALIAS, Installation
from tests.load.results import Row, row
from tests.load.rig import OTHER_CORE, TESTED_CORE, RigError, pinned, python_module

from common.bus.connection import Bus
from common.bus.streams import ensure_buckets, ensure_streams
from common.events import subjects
from common.events.control import CatalogRecord, RouteRecord
from common.ids import new_id
from devstack.ports import LOOPBACK, free_port
from devstack.servers import NatsServer, ValkeyServer
from edge_proxy.upstream.errors import TransportError
from edge_proxy.upstream.http1.transport import Http1Transport
from edge_proxy.upstream.transport import UpstreamRequest

_CALLS_PER_SECOND: Final = 200
_FIRST_BYTE_TIMEOUT_S: Final = 0.5
_MOST_FAILED_PERCENT: Final = 0.1
_HEALTHY: Final = "emulated-chunks-20"
_OFTEN_FAILS: Final = f"{_HEALTHY}-error-500-percent-20"
_NOBODY: Final = "nobody listens"

End = Literal["whole", "told", "silent"]
"""Of an answer: complete; not, and the client was told so; not, and nothing said it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`first` and `second` are the models of the two routes. `bar`: the percentage of calls that may fail, None for any."""

    name: str
    first: str
    second: str = _HEALTHY
    stream: bool = False
    bar: float | None = _MOST_FAILED_PERCENT


SCENARIOS: Final = (
    Scenario("both routes healthy", _HEALTHY),
    Scenario("500 to 20 % of calls", _OFTEN_FAILS),
    Scenario("500 to every call", f"{_HEALTHY}-error-500"),
    Scenario("no server", _NOBODY),
    Scenario("connection reset for 20 %", f"{_HEALTHY}-cut-after-0-percent-20"),
    Scenario("reply cut in the middle for 20 %", f"{_HEALTHY}-cut-after-1-percent-20"),
    Scenario("429 with Retry-After: 1 to 20 %", f"{_HEALTHY}-error-429-percent-20"),
    Scenario("429 without Retry-After to 20 %", f"{_HEALTHY}-error-429-no-retry-after-percent-20"),
    Scenario("no byte within 0.5 s for 20 %", f"{_HEALTHY}-slow-first-byte-5000-percent-20"),
    Scenario("500 to 20 % at both routes", _OFTEN_FAILS, _OFTEN_FAILS, bar=None),
    Scenario("streams, both routes healthy", _HEALTHY, stream=True),
    Scenario("streams, 500 to 20 %", _OFTEN_FAILS, stream=True),
    Scenario("streams, cut after 10 events for 20 %", f"{_HEALTHY}-cut-after-10-percent-20", stream=True, bar=None),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """`tries` as the edge says, 0 when it does not."""

    end: End
    tries: int
    ms: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One scenario's answers, in figures."""

    calls: int
    failed_percent: float
    silent: int
    tries: float
    p50_ms: float
    p99_ms: float


Found = Mapping[Scenario, Finding]


def run(folder: Path, effort: Effort) -> Found:
    """Every scenario once, for `effort.seconds` each."""
    with ExitStack() as stack:
        nats = stack.enter_context(NatsServer(folder / "nats"))
        valkey = stack.enter_context(ValkeyServer(folder / "valkey"))
        emulator, port = free_port(), free_port()
        command = python_module("common.testing.emulator", "--port", str(emulator), "--keep-calls", "1")
        stack.enter_context(pinned(command, core=OTHER_CORE, port=emulator, log=folder / "emulator.log"))
        installation = Installation(nats_url=nats.url, redis_url=valkey.url, upstream=f"{LOOPBACK}:{emulator}")
        asyncio.run(installation.put_records())
        environment = {
            **installation.environment(port=port, state=folder / "state"),
            "OMG_UPSTREAM_FIRST_BYTE_TIMEOUT": str(_FIRST_BYTE_TIMEOUT_S),
        }
        command = python_module(*effort.edge_module)
        stack.enter_context(
            pinned(command, core=TESTED_CORE, port=port, log=folder / "edge.log", environment=environment)
        )
        client = _Client(f"http://{LOOPBACK}:{port}", key=installation.key)
        return uvloop.run(_measure(client, nats.url, f"{LOOPBACK}:{emulator}", effort))


async def _measure(client: "_Client", nats_url: str, emulator: str, effort: Effort) -> Found:
    bus = Bus(url=nats_url, name="bench")
    await bus.start()
    await bus.connected(timeout=10)
    await ensure_streams(bus.jetstream(), replicas=1)
    await ensure_buckets(bus.jetstream(), replicas=1)
    transport = Http1Transport(connect_timeout_s=5, read_timeout_s=60)
    found: dict[Scenario, Finding] = {}
    try:
        for scenario in SCENARIOS:
            routes = [_route(scenario.first, emulator, priority=0), _route(scenario.second, emulator, priority=1)]
            record = CatalogRecord(alias=ALIAS, created=1_770_000_000, routes=routes)
            bucket = await bus.jetstream().key_value(subjects.CATALOG_BUCKET)
            await bucket.put(subjects.catalog_key(ALIAS), msgspec.json.encode(record))
            await client.until_served_by(transport, {each.id for each in routes})
            answers = await client.ask_for(effort.seconds, transport, stream=scenario.stream)
            found[scenario] = _summary(answers)
            effort.report(
                f"{scenario.name}: {found[scenario].failed_percent:.2f} % of {len(answers)} calls failed,"
                f" p99 {found[scenario].p99_ms:.0f} ms"
            )
    finally:
        await transport.close()
        await bus.close()
    return found


def _route(model: str, emulator: str, *, priority: int) -> RouteRecord:
    address = f"{LOOPBACK}:{free_port()}" if model == _NOBODY else emulator
    return RouteRecord(
        id=new_id("rte"),
        provider="openai-compatible",
        model=model,
        base_url=f"http://{address}/v1",
        credential=None,
        prices={"input": 150_000_000, "output": 600_000_000},
        price_version="prc_bench",
        priority=priority,
    )


class _Client:
    """Sends the bench's call and looks at what comes back."""

    def __init__(self, url: str, *, key: str) -> None:
        self._url = f"{url}/v1/chat/completions"
        self._headers = (("content-type", "application/json"), ("authorization", f"Bearer {key}"))
        self._bodies = {stream: call_body(stream=stream) for stream in (False, True)}

    async def until_served_by(self, transport: Http1Transport, routes: set[str]) -> None:
        """The edge has the new routes. Raises `RigError`."""
        deadline = perf_counter() + 10
        while perf_counter() < deadline:
            try:
                response = await transport.send(self._request(stream=False))
                await response.read()
            except TransportError as error:
                raise RigError(f"failover: the edge does not answer: {error}") from error
            if response.header("x-omg-route") in routes:
                return
            await asyncio.sleep(0.05)
        raise RigError("failover: the edge does not take the new routes")

    async def ask_for(self, seconds: int, transport: Http1Transport, *, stream: bool) -> list[Answer]:
        """Calls at a steady rate; each is timed from when it was due, so that a slow edge cannot hide behind a slow client."""
        began = perf_counter()
        due = [began + number / _CALLS_PER_SECOND for number in range(seconds * _CALLS_PER_SECOND)]
        asked = []
        for moment in due:
            if (early := moment - perf_counter()) > 0:
                await asyncio.sleep(early)
            asked.append(asyncio.create_task(self._ask(transport, moment, stream=stream)))
        return await asyncio.gather(*asked)

    async def _ask(self, transport: Http1Transport, due: float, *, stream: bool) -> Answer:
        body, tries, status = b"", 0, 0
        try:
            response = await transport.send(self._request(stream=stream))
            status, tries = response.status, int(response.header("x-omg-attempts") or 0)
            body = await response.read()
        except TransportError:
            return Answer("told", tries, (perf_counter() - due) * 1000)  # a broken connection is seen by any client
        return Answer(_end_of(status, body, stream=stream), tries, (perf_counter() - due) * 1000)

    def _request(self, *, stream: bool) -> UpstreamRequest:
        return UpstreamRequest(
            url=self._url, headers=self._headers, request_id="bench", body=self._bodies[stream], stream=stream
        )


def _end_of(status: int, body: bytes, *, stream: bool) -> End:
    if status != 200:
        return "told"
    if stream:
        if body.endswith(b"data: [DONE]\n\n"):
            return "whole"
        return "told" if b'data: {"error"' in body else "silent"
    return "whole" if b'"finish_reason"' in body and body.rstrip().endswith(b"}") else "silent"


def _summary(answers: Sequence[Answer]) -> Finding:
    times = sorted(each.ms for each in answers)
    return Finding(
        calls=len(answers),
        failed_percent=100 * sum(each.end != "whole" for each in answers) / len(answers),
        silent=sum(each.end == "silent" for each in answers),
        tries=statistics.fmean(each.tries for each in answers),
        p50_ms=statistics.median(times),
        p99_ms=times[math.ceil(0.99 * len(times)) - 1],
    )


def rows(found: Found) -> list[Row]:
    listed = []
    for scenario, finding in found.items():
        name = f"failover: {scenario.name}"
        listed.append(row(f"{name}: calls that failed", finding.failed_percent, "%", bar=scenario.bar))
        listed.append(row(f"{name}: tries per call", finding.tries, "tries"))
        for percentile, added in _added(found, scenario).items():
            listed.append(row(f"{name}: added to the {percentile}", added, "ms"))
    silent = sum(finding.silent for finding in found.values())
    calls = sum(finding.calls for finding in found.values())
    return [
        *listed,
        row(f"failover: broken answers that nothing tells from whole ones, of {calls}", silent, "calls", bar=0),
    ]


def table(found: Found) -> list[str]:
    lines = ["| at the first of two routes | calls | succeeded | tries per call | added p50 ms | added p99 ms |"]
    lines.append("|---|--:|--:|--:|--:|--:|")
    for scenario, finding in found.items():
        p50, p99 = _added(found, scenario).values()
        lines.append(
            f"| {scenario.name} | {finding.calls:,} | {100 - finding.failed_percent:.2f} % | {finding.tries:.2f} |"
            f" {p50:.1f} | {p99:.1f} |"
        )
    return lines


def _added(found: Found, scenario: Scenario) -> dict[str, float]:
    """Beside the same kind of calls with two healthy routes."""
    usual = next(
        finding
        for each, finding in found.items()
        if each.stream == scenario.stream and each.first == each.second == _HEALTHY
    )
    finding = found[scenario]
    return {"median": finding.p50_ms - usual.p50_ms, "99th percentile": finding.p99_ms - usual.p99_ms}
