"""What a contest comes to: rows for machines, with the bars that must hold, and a table for people."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.load.contests import BARE, EDGE, NGINX, Contest
from tests.load.measure import Outcome, Round
from tests.load.stream_upstream import PIECES

_TABLE_BEGINS = "<!-- table of make bench -->"
_TABLE_ENDS = "<!-- end of the table -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `bar` is the most it may be; `holds` says whether it is not more, and is None where there is no bar."""

    name: str
    value: float
    unit: str
    bar: float | None
    holds: bool | None


def row(name: str, value: float, unit: str, *, bar: float | None = None) -> Row:
    return Row(name, round(value, 3), unit, bar, None if bar is None else value <= bar)


def cpu_per_call(result: Round) -> float:
    return result.cpu_us_per_call


def cpu_per_piece(result: Round) -> float:
    return result.cpu_us_per_piece


def cpu_per_stream(result: Round) -> float:
    """Of a whole stream: the pieces of streams that the end of the run cut off are counted, too."""
    return result.cpu_us_per_piece * PIECES


def calls_per_second(result: Round) -> float:
    return result.load.per_second


def chat_rows(found: Contest) -> list[Row]:
    rows = []
    for name, outcome in found.outcomes.items():
        rows.append(row(f"chat: {name}: CPU per call", outcome.median(cpu_per_call), "µs"))
        rows.append(row(f"chat: {name}: calls per second on one core", outcome.median(calls_per_second), "1/s"))
    return rows + _ratios("chat", found, cpu_per_call, to_bare=2) + [usage_row("chat", found)]


def stream_rows(found: Contest) -> list[Row]:
    rows = []
    for name, outcome in found.outcomes.items():
        rows.append(row(f"stream: {name}: CPU per piece", outcome.median(cpu_per_piece), "µs"))
        rows.append(row(f"stream: {name}: CPU per reply of {PIECES} pieces", outcome.median(cpu_per_stream), "µs"))
    return rows + _ratios("stream", found, cpu_per_piece, to_bare=1.5) + [usage_row("stream", found)]


def _ratios(name: str, found: Contest, value: Callable[[Round], float], *, to_bare: float) -> list[Row]:
    edge, bare, nginx = (found.outcomes[each].median(value) for each in (EDGE, BARE, NGINX))
    return [
        row(f"{name}: edge-proxy's CPU over nginx's", edge / nginx, "times", bar=10),
        row(f"{name}: edge-proxy's CPU over the bare proxy's", edge / bare, "times", bar=to_bare),
    ]


def usage_row(name: str, found: Contest) -> Row:
    calls = found.outcomes[EDGE].calls
    wrong = abs(found.usage_events - calls) + abs(found.usage_calls - calls)
    return row(f"{name}: calls without exactly one usage event, of {calls}", wrong, "calls", bar=0)


def chat_table(found: Contest) -> list[str]:
    lines = ["| plain calls | CPU µs per call | spread | x nginx | calls/s on one core | p50 ms | p99 ms |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|")
    nginx = found.outcomes[NGINX].median(cpu_per_call)
    for name, outcome in found.outcomes.items():
        cpu = outcome.median(cpu_per_call)
        p50 = outcome.median(lambda each: each.load.p50_us) / 1000
        p99 = outcome.median(lambda each: each.load.p99_us) / 1000
        lines.append(
            f"| {name} | {cpu:.0f} | {spread(outcome, cpu_per_call)} | {cpu / nginx:.1f} |"
            f" {outcome.median(calls_per_second):,.0f} | {p50:.1f} | {p99:.1f} |"
        )
    return lines


def stream_table(found: Contest) -> list[str]:
    lines = [f"| streams of {PIECES} pieces | CPU µs per piece | spread | CPU µs per reply | x nginx |"]
    lines.append("|---|--:|--:|--:|--:|")
    nginx = found.outcomes[NGINX].median(cpu_per_piece)
    for name, outcome in found.outcomes.items():
        cpu = outcome.median(cpu_per_piece)
        lines.append(
            f"| {name} | {cpu:.1f} | {spread(outcome, cpu_per_piece, digits=1)} |"
            f" {outcome.median(cpu_per_stream):,.0f} | {cpu / nginx:.1f} |"
        )
    return lines


def spread(outcome: Outcome, value: Callable[[Round], float], *, digits: int = 0) -> str:
    least, most = outcome.spread(value)
    return f"{least:.{digits}f} to {most:.{digits}f}"


def bars_table(rows: Sequence[Row]) -> list[str]:
    lines = ["| bar | measured | at most | |", "|---|--:|--:|---|"]
    return lines + [
        f"| {each.name} | {each.value:g} {each.unit} | {each.bar:g} | {'holds' if each.holds else '**missed**'} |"
        for each in rows
        if each.bar is not None
    ]


def write_json(path: Path, rows: Sequence[Row]) -> None:
    """Rows of earlier runs of other contests are kept."""
    kept: list[Mapping[str, object]] = json.loads(path.read_text()) if path.exists() else []
    contests = {each.name.split(":")[0] for each in rows}
    kept = [each for each in kept if str(each["name"]).split(":")[0] not in contests]
    path.write_text(json.dumps([*kept, *map(asdict, rows)], indent=2, ensure_ascii=False) + "\n")


def write_into(document: Path, table: str) -> None:
    """Replace the table in a Markdown file. Raises `ValueError` when it has no place for one."""
    text = document.read_text()
    begin, end = text.index(_TABLE_BEGINS) + len(_TABLE_BEGINS), text.index(_TABLE_ENDS)
    document.write_text(f"{text[:begin]}\n{table}\n{text[end:]}")
