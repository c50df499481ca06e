"""What a contest comes to: rows for machines, with the bars that must hold, and a table for people."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.load.contests import BARE, EDGE, NGINX, Contest
from tests.load.measure import Outcome, Round

AT_LEAST = " (at least)"

_TABLE_BEGINS = "<!-- table of make bench -->"
_TABLE_ENDS = "<!-- end of the table -->"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `bar` is the most it may be, or the least where a name ends so; `holds` is None where there is no bar."""

    name: str
    value: float
    unit: str
    bar: float | None
    holds: bool | None


def row(name: str, value: float, unit: str, *, bar: float | None = None) -> Row:
    """A figure that may be `bar` at most."""
    return Row(name, round(value, 3), unit, bar, None if bar is None else value <= bar)


def row_at_least(name: str, value: float, unit: str, *, bar: float) -> Row:
    """A figure that must be `bar` at least; its name says so to those who read only the rows."""
    return Row(name + AT_LEAST, round(value, 3), unit, bar, value >= bar)


def cpu_per_call(result: Round) -> float:
    return result.cpu_us_per_call


def cpu_per_piece(result: Round) -> float:
    return result.cpu_us_per_piece


def calls_per_second(result: Round) -> float:
    return result.load.per_second


def ratios(name: str, found: Contest, value: Callable[[Round], float], *, to_bare: float) -> list[Row]:
    """What edge-proxy costs beside nginx, and beside a proxy of the same server and client that does nothing else."""
    edge, bare, nginx = (found.outcomes[each].median(value) for each in (EDGE, BARE, NGINX))
    return [
        row(f"{name}: edge-proxy's CPU over nginx's", edge / nginx, "times", bar=10),
        row(f"{name}: edge-proxy's CPU over the bare proxy's", edge / bare, "times", bar=to_bare),
    ]


def usage_row(name: str, found: Contest) -> Row:
    calls = found.outcomes[EDGE].calls
    wrong = abs(found.usage_events - calls) + abs(found.usage_calls - calls)
    return row(f"{name}: calls without exactly one usage event, of {calls}", wrong, "calls", bar=0)


def spread(outcome: Outcome, value: Callable[[Round], float], *, digits: int = 0) -> str:
    least, most = outcome.spread(value)
    return f"{least:.{digits}f} to {most:.{digits}f}"


def bars_table(rows: Sequence[Row]) -> list[str]:
    lines = ["| bar | measured | at most, unless it says at least | |", "|---|--:|--:|---|"]
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
