"""One measurement, and a contest: the same load on each contestant in turn, several times, because machines are noisy."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from tests.load.rig import RigError
from tests.load.wrk import LoadResult, run_wrk

CONNECTIONS: Final = 32
_WARM_UP_S: Final = 1
_SETTLE_S: Final = 0.5


class Served(NamedTuple):
    """What an upstream has served: calls it was asked, and pieces of replies it sent (one per plain call)."""

    calls: int
    pieces: int


class Measured(Protocol):
    """What is under test: a process, or several."""

    def cpu_seconds(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Contestant:
    """A proxy in front of the upstream. `script` is wrk's; `check` makes one call and raises `RigError` when it goes wrong.
    `connections`: how many calls it has at once."""

    name: str
    process: Measured
    url: str
    script: Path
    check: Callable[[], None]
    connections: int = CONNECTIONS


@dataclass(frozen=True, slots=True)
class Round:
    """CPU time of the process per call and per piece, in microseconds, and what the load generator saw."""

    cpu_us_per_call: float
    cpu_us_per_piece: float
    load: LoadResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """All rounds of one contestant, and all its calls that reached the upstream, measured or not."""

    rounds: Sequence[Round]
    calls: int

    def median(self, value: Callable[[Round], float]) -> float:
        return statistics.median(value(each) for each in self.rounds)

    def spread(self, value: Callable[[Round], float]) -> tuple[float, float]:
        values = [value(each) for each in self.rounds]
        return min(values), max(values)


def contest(
    contestants: Sequence[Contestant],
    served: Callable[[], Served],
    *,
    rounds: int,
    seconds: int,
    report: Callable[[str], None],
    warm_up_s: int = _WARM_UP_S,
) -> dict[str, Outcome]:
    """A B C A B C …: each meets the same disturbances. Before each round it is warmed up, before the first for `warm_up_s`.

    Raises `RigError` when any reply was not as it should be.
    """
    found: dict[str, list[Round]] = {each.name: [] for each in contestants}
    calls = dict.fromkeys(found, 0)
    for number in range(rounds):
        for each in contestants:
            before = served()
            each.check()
            warm_up = _WARM_UP_S if number else warm_up_s
            run_wrk(each.url, script=each.script, connections=each.connections, seconds=warm_up)
            result = _measure(each, served, seconds=seconds)
            calls[each.name] += served().calls - before.calls
            found[each.name].append(result)
            report(
                f"round {number + 1} of {rounds}: {each.name}: {result.cpu_us_per_call:.1f} µs CPU per call,"
                f" {result.load.per_second:.0f} calls/s"
            )
    return {name: Outcome(results, calls[name]) for name, results in found.items()}


def _measure(contestant: Contestant, served: Callable[[], Served], *, seconds: int) -> Round:
    time.sleep(_SETTLE_S)
    before, cpu_before = served(), contestant.process.cpu_seconds()
    load = run_wrk(contestant.url, script=contestant.script, connections=contestant.connections, seconds=seconds)
    time.sleep(_SETTLE_S)
    after, cpu_after = served(), contestant.process.cpu_seconds()
    calls, pieces = after.calls - before.calls, after.pieces - before.pieces
    if calls < load.replies:
        raise RigError(f"{contestant.name}: {load.replies} replies, but the upstream was asked only {calls} times")
    cpu_us = (cpu_after - cpu_before) * 1_000_000
    return Round(cpu_us / calls, cpu_us / pieces, load)
