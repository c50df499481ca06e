"""Half of what edge-proxy with everything on can carry, for a quarter of an hour: does it keep anything it should have let go?

Most calls are plain ones from wrk, with pauses. Among them, from a client of our own: streams, streams whose client leaves in the
middle, calls to a provider that refuses connections, and calls of a key that is above its limit. The ledger's part is played
by a `Bookkeeper`, which takes the usage events from their stream and confirms them in Redis as the worker does.

Once the load has stopped, nothing may be left of it: connections of clients, calls in flight, tasks, leases in Redis, segments of
the journal but the one that is written to, events that were not published. RSS drifts by what the median of the last tenth of
the time is above that of the second tenth; the first one is warm-up.
"""

import asyncio
import itertools
import statistics
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from redis.asyncio import Redis
from tests.load.aside import Aside
from tests.load.bookkeeper import Bookkeeper, period_of
from tests.load.contests import Effort, call_body, check_reply
from tests.load.edge import ALIAS, Installation
from tests.load.everything import traced_edge
from tests.load.measure import CONNECTIONS
from tests.load.nginx import nginx_upstream
from tests.load.results import Row, row
from tests.load.rig import PinnedProcess, RigError
from tests.load.stream import stream_upstream
from tests.load.wrk import run_wrk, write_script

from common.events.control import RateLimits
from common.limits.keys import budget_keys, limit_key
from devstack.ports import LOOPBACK, free_port
from edge_proxy.upstream.http1.transport import Http1Transport
from edge_proxy.upstream.transport import UpstreamRequest

_STREAMED: Final = "bench-streamed"
_UNREACHABLE: Final = "bench-unreachable"
_PAUSING_CONNECTIONS: Final = 128
_OTHERS_PER_SECOND: Final = 40
_MOST_DRIFT_PERCENT: Final = 5
_SETTLE_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Found:
    """`left`: what was still there after the end, by name. `rss` in bytes, one sample a second."""

    rss: Sequence[int]
    calls: int
    events: int
    distinct: int
    left: dict[str, int]


def run(folder: Path, effort: Effort) -> Found:
    """`effort.seconds` of load; rounds would begin anew what is to be seen to last."""
    body = call_body(stream=False)
    with ExitStack() as stack:
        upstream = stack.enter_context(nginx_upstream(folder))
        streamed = stack.enter_context(stream_upstream(folder / "streamed"))
        process, url, installation = stack.enter_context(
            traced_edge(folder / "edge", upstream=upstream.address, module=effort.edge_module)
        )
        strict_key = _prepare(installation, streamed.address)
        bookkeeper = stack.enter_context(Bookkeeper(installation))
        check_reply(url, body=body, key=installation.limited_key, stream=False)
        script = write_script(folder / "saturate.lua", body=body, key=installation.limited_key)
        saturated = run_wrk(url, script=script, connections=CONNECTIONS, seconds=max(1, min(5, effort.seconds // 3)))
        effort.report(f"{saturated.per_second:.0f} calls/s without pauses; half of it for {effort.seconds} s")
        tasks = int(_metrics(url)["omg_edge_tasks"])

        pause_ms = 1000 * _PAUSING_CONNECTIONS / (saturated.per_second / 2)
        script = write_script(folder / "pausing.lua", body=body, key=installation.limited_key, pause_ms=pause_ms)
        others = stack.enter_context(_Others(url, installation.limited_key, strict_key))
        sampler = stack.enter_context(_Sampler(process, effort.report))
        run_wrk(url, script=script, connections=_PAUSING_CONNECTIONS, seconds=effort.seconds)
        sampler.stop()
        others.stop()

        calls = upstream.served().calls + streamed.served().calls + others.unreachable
        left = _until_nothing_is_left(process, url, installation, tasks)
        bookkeeper.expect(calls)
    return Found(sampler.rss, calls, bookkeeper.events, len(bookkeeper.ids), left)


def _prepare(installation: Installation, streamed: str) -> str:
    """Aliases for the other kinds of calls, and a key that is soon above its limit."""
    key, record = installation.stricter_key(RateLimits(requests_per_minute=1))
    asyncio.run(
        installation.put(
            {
                installation.place_of(key): record,
                **installation.alias(_STREAMED, upstream=streamed),
                **installation.alias(_UNREACHABLE, upstream=f"{LOOPBACK}:{free_port()}"),
            }
        )
    )
    return key


class _Others(Aside):
    """Calls of all other kinds, in turn, at a steady rate. `unreachable`: how many of them failed at the provider's door."""

    def __init__(self, url: str, key: str, strict_key: str) -> None:
        super().__init__()
        self.unreachable = 0
        self._url = f"{url}/v1/chat/completions"
        self._key = key
        self._strict_key = strict_key

    async def work(self) -> None:
        transport = Http1Transport(connect_timeout_s=5, read_timeout_s=60)
        kinds = itertools.cycle((self._stream, self._leave, self._fail, self._exceed))
        running: set[asyncio.Task[None]] = set()
        try:
            while not self.is_stopping:
                task = asyncio.create_task(next(kinds)(transport))
                running.add(task)
                task.add_done_callback(running.discard)
                await asyncio.sleep(1 / _OTHERS_PER_SECOND)
            await asyncio.gather(*running)
        finally:
            await transport.close()

    async def _stream(self, transport: Http1Transport) -> None:
        response = await transport.send(self._request(_STREAMED, stream=True))
        if b"data: [DONE]" not in await response.read():
            raise RigError("soak: a stream is not whole")

    async def _leave(self, transport: Http1Transport) -> None:
        response = await transport.send(self._request(_STREAMED, stream=True))
        for _ in range(3):
            await response.chunk()
        await response.close()

    async def _fail(self, transport: Http1Transport) -> None:
        response = await transport.send(self._request(_UNREACHABLE))
        await response.read()
        self.unreachable += response.status == 502  # 503: not tried, because it failed so often
        if response.status not in {502, 503}:
            raise RigError(f"soak: a provider that is not there answered {response.status}")

    async def _exceed(self, transport: Http1Transport) -> None:
        response = await transport.send(self._request(ALIAS, key=self._strict_key))
        await response.read()
        if response.status not in {200, 429}:
            raise RigError(f"soak: a limited call got {response.status}")

    def _request(self, alias: str, *, key: str | None = None, stream: bool = False) -> UpstreamRequest:
        body = msgspec.json.encode(msgspec.json.decode(call_body(stream=stream)) | {"model": alias})
        headers = (("content-type", "application/json"), ("authorization", f"Bearer {key or self._key}"))
        return UpstreamRequest(url=self._url, headers=headers, request_id="bench", body=body, stream=stream)


class _Sampler(Aside):
    """The RSS of a process, once a second."""

    def __init__(self, process: PinnedProcess, report: Callable[[str], None]) -> None:
        super().__init__()
        self.rss: list[int] = []
        self._process = process
        self._report = report

    async def work(self) -> None:
        while not self.is_stopping:
            self.rss.append(self._process.rss())
            if len(self.rss) % 60 == 0:
                self._report(f"after {len(self.rss)} s: {self.rss[-1] / 1e6:.1f} MB")
            await asyncio.sleep(1)


def _until_nothing_is_left(process: PinnedProcess, url: str, installation: Installation, tasks: int) -> dict[str, int]:
    """What there still is, as soon as that is nothing, or when the patience is over."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        connections = process.connections_at(int(url.rpartition(":")[2]))  # before we make one
        metrics = _metrics(url)
        left = {
            "connections of clients": connections,
            "calls in flight": int(metrics["omg_edge_calls_in_flight"]),
            "tasks": max(0, int(metrics["omg_edge_tasks"]) - tasks),
            "events in memory": int(metrics["omg_edge_usage_pending"]),
            "segments of the journal": max(0, len(list(process.log.parent.rglob("*.journal"))) - 1),
            "leases in Redis": asyncio.run(_leases(installation)),
        }
        if not any(left.values()) or time.monotonic() > deadline:
            return left
        time.sleep(0.5)


async def _leases(installation: Installation) -> int:
    """Of parallel calls, and of what budgets hold for running ones; but those that have run out."""
    async with Redis.from_url(installation.redis_url) as redis:
        names = [name async for name in redis.scan_iter(match=limit_key("*parallel*"))]
        names += [budget_keys(each.id, period_of(each))[1].encode() for each in installation.budgets]
        seconds, microseconds = await redis.time()
        return sum([await redis.zcount(name, seconds * 1_000_000 + microseconds, "+inf") for name in names])


def _metrics(url: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def rows(found: Found) -> list[Row]:
    wrong = abs(found.events - found.calls) + abs(found.distinct - found.calls)
    return [
        row("soak: drift of the RSS", _drift(found.rss), "%", bar=_MOST_DRIFT_PERCENT),
        row("soak: RSS at the end", statistics.median(_tenth(found.rss, 9)) / 1e6, "MB"),
        *(row(f"soak: {name} left over", number, "", bar=0) for name, number in found.left.items()),
        row(f"soak: usage events missing or too many, of {found.calls} calls", wrong, "calls", bar=0),
    ]


def table(found: Found) -> list[str]:
    tenths = " | ".join(f"{statistics.median(_tenth(found.rss, number)) / 1e6:.1f}" for number in range(10))
    return [
        f"| {len(found.rss)} s at half load, {found.calls:,} calls |" + " |" * 10,
        "|---|" + "--:|" * 10,
        f"| RSS in MB, by tenths of the time | {tenths} |",
    ]


def _drift(rss: Sequence[int]) -> float:
    """In percent, and not below none."""
    return max(0.0, (statistics.median(_tenth(rss, 9)) / statistics.median(_tenth(rss, 1)) - 1) * 100)


def _tenth(samples: Sequence[int], number: int) -> Sequence[int]:
    length = len(samples) / 10
    return samples[int(number * length) : max(int((number + 1) * length), int(number * length) + 1)]
