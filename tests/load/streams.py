"""A thousand streams at once, each as slow as a model writes: memory of each, CPU per piece, and how late pieces come.

The same streams go straight to the upstream, through nginx, through the bare proxy and through edge-proxy with everything on, in
turn. Each piece carries the moment it was sent, so it is known how late it comes; added is what a percentile has more than that of
the straight streams, in which the upstream's and the client's own delays are, too. That is of the time when all streams have been
asked for and none has ended; processor time is of all, with what it costs to begin a stream and to account for it.

Memory is what a process has at most while the streams are open, beyond what it had after a few streams. It is the process's own:
the kernel's buffers of the connections are not in it. A round is as long as a stream, whatever length of measurements is asked for.
"""

import asyncio
import math
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import uvloop
from tests.load.contests import BARE, EDGE, NGINX, Effort, call_body
from tests.load.edge import count_usage
from tests.load.everything import EVERYTHING, traced_edge
from tests.load.nginx import nginx_proxy
from tests.load.ready import became_ready
from tests.load.results import Row, row
from tests.load.rig import OTHER_CORE, TESTED_CORE, PinnedProcess, RigError, pinned, python_module
from tests.load.stream_client import Seen, hold
from tests.load.stream_upstream import PIECES

from devstack.ports import LOOPBACK, free_port

STRAIGHT: Final = "straight to the upstream"
STREAMS: Final = 1_000

_PAUSE_S: Final = 0.1
_WARM_UP: Final = 32
_SETTLE_S: Final = 0.5
_OPEN_FILES: Final = 4 * STREAMS
_READY_S: Final = 10.0

_MOST_KB: Final = 64
"""With it, the 10,000 streams that an edge takes by default fit into the 1 GiB that the chart gives it."""
_MOST_TIMES_BARE: Final = 1.5


@dataclass(frozen=True, slots=True)
class Round:
    """`cpu_us` per piece and `kb` per stream; `broken` are the streams that did not come whole."""

    cpu_us: float
    kb: float
    p50_ms: float
    p99_ms: float
    broken: int


@dataclass(frozen=True, slots=True)
class Found:
    """`calls`: how many edge-proxy was asked, with those of the warm-up. Usage events, and the distinct calls in them."""

    rounds: Mapping[str, Sequence[Round]]
    calls: int
    usage_events: int
    usage_calls: int

    def median(self, name: str, value: Callable[[Round], float]) -> float:
        return median(value(each) for each in self.rounds[name])

    def added(self, name: str, value: Callable[[Round], float]) -> float:
        return self.median(name, value) - self.median(STRAIGHT, value)


@dataclass(slots=True)
class _Contestant:
    """`process` is None where nobody is between the client and the upstream."""

    name: str
    process: PinnedProcess | None
    url: str
    key: str
    kb_before: float = 0
    asked: int = 0

    async def hold(self, streams: int, look: Callable[[], None] | None = None) -> Seen:
        self.asked += streams
        body = call_body(stream=True)
        return await hold(self.url, body=body, key=self.key, streams=streams, pause_s=_PAUSE_S, look=look)

    def cpu_seconds(self) -> float:
        return self.process.cpu_seconds() if self.process else 0

    def kb(self) -> float:
        return self.process.rss() / 1024 if self.process else 0


def run(folder: Path, effort: Effort) -> Found:
    """All streams through each contestant, once in each round."""
    _allow_open_files()
    with ExitStack() as stack:
        upstream = stack.enter_context(_upstream(folder))
        nginx, nginx_url = stack.enter_context(nginx_proxy(folder, upstream=upstream, buffering=False))
        bare, bare_url = stack.enter_context(_bare(folder, upstream))
        edge, edge_url, installation = stack.enter_context(
            traced_edge(folder / "edge", upstream=upstream, module=effort.edge_module)
        )
        if not became_ready(edge_url, within_s=_READY_S):
            raise RigError(f"streams: {EDGE} is not ready")
        key = installation.limited_key
        everything = _Contestant(EVERYTHING, edge, edge_url, key)
        contestants = [
            _Contestant(STRAIGHT, None, f"http://{upstream}", key),
            _Contestant(NGINX, nginx, nginx_url, key),
            _Contestant(BARE, bare, bare_url, key),
            everything,
        ]
        uvloop.run(_warm_up(contestants))
        rounds: dict[str, list[Round]] = {each.name: [] for each in contestants}
        for number in range(effort.rounds):
            for each in contestants:
                result = _measure(each)
                rounds[each.name].append(result)
                effort.report(
                    f"round {number + 1} of {effort.rounds}: {each.name}: {result.kb:.1f} kB per stream,"
                    f" {result.cpu_us:.1f} µs CPU per piece, p99 {result.p99_ms:.1f} ms late"
                )
        events, distinct = count_usage(installation, calls=everything.asked)
        return Found(rounds, everything.asked, usage_events=events, usage_calls=distinct)


async def _warm_up(contestants: Sequence[_Contestant]) -> None:
    """All at once: nothing is measured but the memory afterwards. Raises `RigError`."""
    seen = await asyncio.gather(*(each.hold(_WARM_UP) for each in contestants))
    await asyncio.sleep(_SETTLE_S)
    for contestant, streams in zip(contestants, seen, strict=True):
        if streams.broken:
            raise RigError(f"streams: {contestant.name}: {streams.broken} of {_WARM_UP} streams did not come whole")
        contestant.kb_before = contestant.kb()


def _measure(contestant: _Contestant) -> Round:
    """Raises `RigError` when streams that came whole were not open all at once, and when there is nothing to compare with."""
    most_kb = 0.0

    def look() -> None:
        nonlocal most_kb
        most_kb = max(most_kb, contestant.kb())

    time.sleep(_SETTLE_S)
    before = contestant.cpu_seconds()
    seen = uvloop.run(contestant.hold(STREAMS, look))
    time.sleep(_SETTLE_S)
    used = contestant.cpu_seconds() - before
    if seen.broken and contestant.name != EVERYTHING:
        raise RigError(f"streams: {contestant.name}: {seen.broken} of {STREAMS} streams did not come whole")
    if seen.most_open < seen.whole or not seen.late_ns:
        raise RigError(f"streams: {contestant.name}: at most {seen.most_open} of {STREAMS} streams were open at once")
    late_ms = sorted(each / 1_000_000 for each in seen.late_ns)
    return Round(
        cpu_us=used * 1_000_000 / (STREAMS * PIECES),
        kb=(most_kb - contestant.kb_before) / seen.most_open,
        p50_ms=median(late_ms),
        p99_ms=late_ms[math.ceil(0.99 * len(late_ms)) - 1],
        broken=seen.broken,
    )


def _allow_open_files() -> None:
    """For this process and all it starts. Raises `RigError` when the machine does not."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < _OPEN_FILES:
        raise RigError(f"streams: a process may open only {most} files here, {_OPEN_FILES} are needed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES if most == resource.RLIM_INFINITY else most, most))


@contextmanager
def _upstream(folder: Path) -> Iterator[str]:
    port = free_port()
    command = python_module("tests.load.stream_upstream", str(port), "--pause", str(_PAUSE_S), "--stamped")
    with pinned(command, core=OTHER_CORE, port=port, log=folder / "upstream.log"):
        yield f"{LOOPBACK}:{port}"


@contextmanager
def _bare(folder: Path, upstream: str) -> Iterator[tuple[PinnedProcess, str]]:
    port = free_port()
    command = python_module("tests.load.bare", str(port), upstream)
    with pinned(command, core=TESTED_CORE, port=port, log=folder / "bare.log") as process:
        yield process, f"http://{LOOPBACK}:{port}"


def rows(found: Found) -> list[Row]:
    edge = found.median(EVERYTHING, _cpu)
    lines = []
    for name in (NGINX, BARE, EVERYTHING):
        bar = _MOST_KB if name == EVERYTHING else None
        lines += [
            row(f"streams: {name}: memory per stream", _memory(found, name), "kB", bar=bar),
            row(f"streams: {name}: CPU per piece", found.median(name, _cpu), "µs"),
            row(f"streams: {name}: pieces late at p50, added", found.added(name, _p50), "ms"),
            row(f"streams: {name}: pieces late at p99, added", found.added(name, _p99), "ms"),
        ]
    calls, broken = found.calls, sum(each.broken for each in found.rounds[EVERYTHING])
    wrong = abs(found.usage_events - calls) + abs(found.usage_calls - calls)
    streams = STREAMS * len(found.rounds[EVERYTHING])
    return [
        *lines,
        row("streams: edge-proxy's CPU over nginx's", edge / found.median(NGINX, _cpu), "times"),
        row(
            "streams: edge-proxy's CPU over the bare proxy's",
            edge / found.median(BARE, _cpu),
            "times",
            bar=_MOST_TIMES_BARE,
        ),
        row(f"streams: incomplete, of {streams}", broken, "streams", bar=0),
        row(f"streams: calls without exactly one usage event, of {calls}", wrong, "calls", bar=0),
    ]


def table(found: Found) -> list[str]:
    lines = [
        f"| {STREAMS:,} streams at once | kB per stream | CPU µs per piece | x nginx | late p50 ms | late p99 ms |"
    ]
    lines.append("|---|--:|--:|--:|--:|--:|")
    nginx = found.median(NGINX, _cpu)
    for name in found.rounds:
        late = f"{found.median(name, _p50):.2f} | {found.median(name, _p99):.2f}"
        if name == STRAIGHT:
            lines.append(f"| {name} | | | | {late} |")
            continue
        cpu = found.median(name, _cpu)
        lines.append(f"| {name} | {_memory(found, name):.1f} | {cpu:.1f} | {cpu / nginx:.1f} | {late} |")
    return lines


def _memory(found: Found, name: str) -> float:
    """The most of all rounds: what grows from round to round shows."""
    return max(each.kb for each in found.rounds[name])


def _cpu(result: Round) -> float:
    return result.cpu_us


def _p50(result: Round) -> float:
    return result.p50_ms


def _p99(result: Round) -> float:
    return result.p99_ms
