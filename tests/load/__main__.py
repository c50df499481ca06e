"""`python -m tests.load [chat|stream|…]`, as `make bench` runs it: what the data plane costs beside nginx and others.

Prints a table, writes `results.json`, and ends with code 1 when a bar does not hold. `--profile` instead runs only the
edge, under cProfile, and prints where its time goes.
"""

import argparse
import pstats
import shutil
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from tests.load import (
    chat,
    everything,
    failover,
    latency,
    ledger,
    peers,
    replicas,
    results,
    scale,
    soak,
    stream,
    streams,
)
from tests.load.contests import EDGE, Effort
from tests.load.results import Row
from tests.load.rig import RigError, take_place


class _Bench(Protocol):
    """A module of this package. What its `run` finds is for the other two, each bench's its own."""

    def run(self, folder: Path, effort: Effort) -> Any: ...
    def rows(self, found: Any) -> list[Row]: ...
    def table(self, found: Any) -> list[str]: ...


BENCHES: Final[Mapping[str, _Bench]] = {
    each.__name__.rpartition(".")[2]: each
    for each in (chat, stream, streams, everything, replicas, scale, latency, failover, peers, soak, ledger)
}
_SECONDS: Final = 5
_LONG: Final = {"soak": 15 * 60, "ledger": _SECONDS}
"""Run by name only, and for how many seconds; how long `ledger` takes is up to its size."""


def main() -> None:
    """Read the command line and run what it names."""
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument(
        "only", nargs="*", choices=[[], *BENCHES], help="which benchmarks [default: all but soak and ledger]"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often each contestant is measured")
    parser.add_argument("--seconds", type=int, help=f"how long each measurement takes [default: {_SECONDS}; soak: 900]")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into this Markdown file")
    parser.add_argument(
        "--folder", type=Path, default=Path(".bench"), help="where results and logs go [default: .bench]"
    )
    parser.add_argument("--profile", action="store_true", help="run only the edge, under cProfile")
    options = parser.parse_args()
    names = options.only or [name for name in BENCHES if name not in _LONG]
    try:
        take_place()
        if options.profile:
            for name in names:
                _profile(name, options)
        else:
            sys.exit(_measure(names, options))
    except RigError as error:
        sys.exit(f"bench: {error}")


def _measure(names: list[str], options: argparse.Namespace) -> int:
    """Run, report, and return the exit code."""
    rows: list[Row] = []
    tables: list[list[str]] = []
    for name in names:
        seconds = options.seconds or _LONG.get(name, _SECONDS)
        effort = Effort(rounds=options.rounds, seconds=seconds, report=partial(_say, name))
        found = BENCHES[name].run(_empty_folder(options.folder, name), effort)
        rows += BENCHES[name].rows(found)
        tables.append(BENCHES[name].table(found))
    table = "\n".join("\n".join(each) + "\n" for each in (*tables, results.bars_table(rows)))
    results.write_json(options.folder / "results.json", rows)
    if options.write:
        results.write_into(options.write, table)
    print(f"\n{table}")
    return 1 if any(each.holds is False for each in rows) else 0


def _profile(name: str, options: argparse.Namespace) -> None:
    folder = _empty_folder(options.folder, name)
    output = folder / "profile"
    BENCHES[name].run(
        folder,
        Effort(
            rounds=1,
            seconds=options.seconds or _SECONDS,
            report=partial(_say, name),
            only={EDGE},
            edge_module=("tests.load.profiled", str(output), "edge_proxy", "serve"),
        ),
    )
    pstats.Stats(str(output)).sort_stats("tottime").print_stats(45)
    print(f"the whole profile: python -m pstats {output}")


def _empty_folder(parent: Path, name: str) -> Path:
    folder = parent.absolute() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _say(name: str, line: str) -> None:
    print(f"{name}: {line}", flush=True)


if __name__ == "__main__":
    main()
