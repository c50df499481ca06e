"""Does a call cost more where there are many keys, or many aliases? Four edges, from 100 keys and 10 aliases up.

Each has a NATS of its own, and loads from there what it is to serve, as any edge does that starts with an empty disk; how long that
takes and what memory it needs is told. A hundred keys have a tenant of their own. Calls are plain ones; each takes one of the keys
and one of the aliases by chance, so that nothing is at hand because the call before had it, too.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from tests.load.bulk import put_many
from tests.load.contests import Effort, call_body, check_reply
from tests.load.edge import ALIAS, Installation, connect
from tests.load.measure import Contestant, Outcome, contest
from tests.load.nginx import nginx_upstream
from tests.load.ready import became_ready
from tests.load.results import Row, calls_per_second, cpu_per_call, row, spread
from tests.load.rig import TESTED_CORE, PinnedProcess, RigError, pinned, python_module
from tests.load.wrk import write_script

from common.events import subjects
from common.events.control import KeyRecord, TenantPolicy
from common.ids import new_id
from devstack.ports import LOOPBACK, free_port
from devstack.servers import NatsServer, ValkeyServer


@dataclass(frozen=True, slots=True)
class Size:
    keys: int
    aliases: int

    def __str__(self) -> str:
        return f"{self.keys:,} keys, {self.aliases:,} aliases"


FEW: Final = Size(100, 10)
MANY_KEYS: Final = Size(1_000_000, 10)
MANY_ALIASES: Final = Size(100, 1_000)
SIZES: Final = (FEW, Size(10_000, 10), MANY_KEYS, MANY_ALIASES)

LOAD_S: Final = 180
_MOST_ADDED_PERCENT: Final = 10
_KEYS_OF_A_TENANT: Final = 100
_KEYS_CALLED: Final = 100_000
_QUIET_S: Final = 60.0
_QUIET_SHARE: Final = 0.05

# Added to wrk's script.
_BY_CHANCE: Final = """
local function lines(path)
    local all = {}
    for line in io.lines(path) do all[#all + 1] = line end
    return all
end
local keys, bodies = lines("%s"), lines("%s")
math.randomseed(os.time())
function request()
    wrk.headers["authorization"] = "Bearer " .. keys[math.random(#keys)]
    return wrk.format(nil, nil, nil, bodies[math.random(#bodies)])
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """From an edge's start until it was ready, and the memory it had when it had come to rest."""

    seconds: float
    mb: float


@dataclass(frozen=True, slots=True)
class Found:
    """By size. One that was not loaded in time is only in `not_loaded`."""

    outcomes: Mapping[Size, Outcome]
    loads: Mapping[Size, Load]
    not_loaded: Sequence[Size] = ()


@dataclass(frozen=True, slots=True)
class _Filled:
    """An installation with what is to be called: some of its keys, all of its aliases."""

    installation: Installation
    keys: Sequence[str]
    aliases: Sequence[str]


class _NotLoadedError(Exception):
    """The edge was not ready in time."""


def run(folder: Path, effort: Effort, *, sizes: Sequence[Size] = SIZES) -> Found:
    """All edges at once, called in turn."""
    loads: dict[Size, Load] = {}
    not_loaded: list[Size] = []
    contestants: list[Contestant] = []
    with ExitStack() as stack:
        upstream = stack.enter_context(nginx_upstream(folder))
        valkey = stack.enter_context(ValkeyServer(folder / "valkey"))
        for number, size in enumerate(sizes):
            place = folder / f"edge-{number}"
            # An edge that did not load goes on trying: it must not disturb the others.
            with ExitStack() as own:
                # The records are worthless: no need to wait for the disk with each.
                nats = own.enter_context(NatsServer(place / "nats", sync_interval="10m"))
                installation = Installation(nats_url=nats.url, redis_url=valkey.url, upstream=upstream.address)
                filled = asyncio.run(_fill(installation, size, upstream.address))
                try:
                    process, url, load = own.enter_context(_edge(place, installation, effort))
                except _NotLoadedError:
                    effort.report(f"{size}: NOT LOADED within {LOAD_S} s")
                    not_loaded.append(size)
                    continue
                stack.enter_context(own.pop_all())
            loads[size] = load
            contestants.append(_contestant(place, size, process, url, filled))
            effort.report(f"{size}: loaded in {load.seconds:.1f} s, {load.mb:.0f} MB")
        if FEW in not_loaded:
            raise RigError(f"scale: {FEW} were not loaded within {LOAD_S} s")
        outcomes = contest(
            contestants, upstream.served, rounds=effort.rounds, seconds=effort.seconds, report=effort.report
        )
    return Found({size: outcomes[str(size)] for size in loads}, loads, not_loaded)


async def _fill(installation: Installation, size: Size, upstream: str) -> _Filled:
    """Into the buckets as many records as the size says, and those that every installation has."""
    await installation.put_records()
    tenants = [new_id("tnt") for _ in range(-(-size.keys // _KEYS_OF_A_TENANT))]
    keys = [f"sk-{secrets.token_hex(24)}" for _ in range(size.keys)]
    aliases = [f"{ALIAS}-{number:04}" for number in range(size.aliases)]
    encode = msgspec.json.encode
    bus = await connect(installation.nats_url)
    try:
        await put_many(
            bus,
            subjects.POLICIES_BUCKET,
            ((tenant, encode(TenantPolicy(tenant_id=tenant, status="active"))) for tenant in tenants),
        )
        await put_many(
            bus,
            subjects.KEYS_BUCKET,
            (
                (
                    installation.place_of(key)[1],
                    encode(KeyRecord(key_id=new_id("key"), tenant_id=tenants[number // _KEYS_OF_A_TENANT])),
                )
                for number, key in enumerate(keys)
            ),
        )
        await put_many(
            bus,
            subjects.CATALOG_BUCKET,
            (
                (place, encode(record))
                for alias in aliases
                for (_, place), record in installation.alias(alias, upstream=upstream).items()
            ),
        )
    finally:
        await bus.close()
    return _Filled(installation, keys[:: max(1, size.keys // _KEYS_CALLED)], aliases)


@contextmanager
def _edge(folder: Path, installation: Installation, effort: Effort) -> Iterator[tuple[PinnedProcess, str, Load]]:
    """An edge that is ready and has come to rest. Raises `_NotLoadedError`."""
    port = free_port()
    environment = installation.environment(port=port, state=folder / "state")
    began = time.monotonic()
    with pinned(
        python_module(*effort.edge_module), core=TESTED_CORE, port=port, log=folder / "log", environment=environment
    ) as process:
        url = f"http://{LOOPBACK}:{port}"
        if not became_ready(url, within_s=LOAD_S):
            raise _NotLoadedError
        seconds = time.monotonic() - began
        _until_quiet(process)
        yield process, url, Load(seconds, process.rss() / 1024**2)


def _until_quiet(process: PinnedProcess) -> None:
    """It saves what it has loaded, and that takes a while. Raises `RigError` when it does not come to an end."""
    deadline = time.monotonic() + _QUIET_S
    while time.monotonic() < deadline:
        before = process.cpu_seconds()
        time.sleep(1)
        if process.cpu_seconds() - before < _QUIET_SHARE:
            return
    raise RigError("scale: an edge that is ready does not come to rest")


def _contestant(folder: Path, size: Size, process: PinnedProcess, url: str, filled: _Filled) -> Contestant:
    bodies = [_body(alias) for alias in filled.aliases]
    (folder / "keys").write_text("\n".join(filled.keys))
    (folder / "bodies").write_bytes(b"\n".join(bodies))
    script = write_script(folder / "calls.lua", body=bodies[0], key=filled.keys[0])
    with script.open("a") as file:
        file.write(_BY_CHANCE % (folder / "keys", folder / "bodies"))
    check = partial(check_reply, url, body=bodies[-1], key=filled.keys[-1], stream=False)
    return Contestant(str(size), process, url, script, check)


def _body(alias: str) -> bytes:
    return json.dumps(json.loads(call_body(stream=False)) | {"model": alias}, separators=(",", ":")).encode()


def rows(found: Found) -> list[Row]:
    lines = []
    for size, outcome in found.outcomes.items():
        load = found.loads[size]
        lines += [
            row(f"scale: {size}: CPU per call", outcome.median(cpu_per_call), "µs"),
            row(f"scale: {size}: time to load", load.seconds, "s"),
            row(f"scale: {size}: memory once loaded", load.mb, "MB"),
        ]
        if size != FEW:
            bar = _MOST_ADDED_PERCENT if size in {MANY_KEYS, MANY_ALIASES} else None
            lines.append(row(f"scale: {size}: added to CPU per call", _added(found, size), "%", bar=bar))
    missing = [
        row(f"scale: {size}: edges that did not load within {LOAD_S} s", 1, "edges", bar=0) for size in found.not_loaded
    ]
    return [*lines, *missing]


def table(found: Found) -> list[str]:
    lines = ["| calls by chance, among | CPU µs per call | spread | added | calls/s | loaded in s | memory MB |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|")
    for size, outcome in found.outcomes.items():
        load = found.loads[size]
        lines.append(
            f"| {size} | {outcome.median(cpu_per_call):.0f} | {spread(outcome, cpu_per_call)} |"
            f" {_added(found, size):+.0f} % | {outcome.median(calls_per_second):,.0f} | {load.seconds:.1f} | {load.mb:.0f} |"
        )
    lines += [f"| {size} | not loaded within {LOAD_S} s | | | | | |" for size in found.not_loaded]
    return lines


def _added(found: Found, size: Size) -> float:
    """Percent of what a call costs with few keys and aliases."""
    few = found.outcomes[FEW].median(cpu_per_call)
    return (found.outcomes[size].median(cpu_per_call) - few) / few * 100
