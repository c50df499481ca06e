"""Streams of 52 pieces, a few milliseconds apart, below saturation: each piece is handled on its own."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.load import contests
from tests.load.contests import Contest, Effort, Upstream
from tests.load.measure import Round, Served
from tests.load.results import Row, cpu_per_piece, ratios, row, spread, usage_row
from tests.load.rig import OTHER_CORE, pinned, python_module
from tests.load.stream_upstream import PIECES

from devstack.ports import LOOPBACK, free_port


def run(folder: Path, effort: Effort) -> Contest:
    with stream_upstream(folder) as upstream:
        return contests.run(folder, effort, upstream, stream=True)


def rows(found: Contest) -> list[Row]:
    lines = []
    for name, outcome in found.outcomes.items():
        lines.append(row(f"stream: {name}: CPU per piece", outcome.median(cpu_per_piece), "µs"))
        lines.append(row(f"stream: {name}: CPU per reply of {PIECES} pieces", outcome.median(_cpu_per_stream), "µs"))
    return lines + ratios("stream", found, cpu_per_piece, to_bare=1.5) + [usage_row("stream", found)]


def table(found: Contest) -> list[str]:
    lines = [f"| streams of {PIECES} pieces | CPU µs per piece | spread | CPU µs per reply | x nginx |"]
    lines.append("|---|--:|--:|--:|--:|")
    nginx = found.outcomes[contests.NGINX].median(cpu_per_piece)
    for name, outcome in found.outcomes.items():
        cpu = outcome.median(cpu_per_piece)
        lines.append(
            f"| {name} | {cpu:.1f} | {spread(outcome, cpu_per_piece, digits=1)} |"
            f" {outcome.median(_cpu_per_stream):,.0f} | {cpu / nginx:.1f} |"
        )
    return lines


def _cpu_per_stream(result: Round) -> float:
    """Of a whole stream: the pieces of streams that the end of the run cut off are counted, too."""
    return result.cpu_us_per_piece * PIECES


class _StreamUpstream:
    def __init__(self, port: int) -> None:
        self.address = f"{LOOPBACK}:{port}"

    def served(self) -> Served:
        with urllib.request.urlopen(f"http://{self.address}/count", timeout=5) as answer:
            calls, pieces = answer.read().split()
        return Served(int(calls), int(pieces))


@contextmanager
def stream_upstream(folder: Path) -> Iterator[Upstream]:
    """The upstream that streams, on the core of everything that is not under test."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = python_module("tests.load.stream_upstream", str(port))
    with pinned(command, core=OTHER_CORE, port=port, log=folder / "upstream.log"):
        yield _StreamUpstream(port)
