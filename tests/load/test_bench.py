"""The bench itself: it runs to its end, counts rightly, and says when a bar does not hold. Figures are not judged here."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.load import chat, stream
from tests.load.contests import BARE, EDGE, LIBRARIES, NGINX, Contest
from tests.load.measure import Outcome, Round
from tests.load.results import Row, row, write_into, write_json
from tests.load.rig import search_path
from tests.load.wrk import LoadResult, read_result

CHECKOUT = Path(__file__).parents[2]

needs_programs = pytest.mark.skipif(
    not all(shutil.which(name, path=search_path()) for name in ("nginx", "wrk")),
    reason="nginx and wrk are not installed",
)


@needs_programs
@pytest.mark.parametrize(("name", "rows"), [("chat", 11), ("stream", 11)])
def test_a_short_run_measures_everybody_and_every_call_has_one_usage_event(
    tmp_path: Path, name: str, rows: int
) -> None:
    command = [sys.executable, "-m", "tests.load", name, "--rounds", "1", "--seconds", "1", "--folder", str(tmp_path)]

    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=100, check=False)

    assert (tmp_path / "results.json").exists(), run.stdout + run.stderr
    found = {each["name"]: each for each in json.loads((tmp_path / "results.json").read_text())}
    assert len(found) == rows
    assert all(each["value"] > 0 for each in found.values() if each["bar"] != 0)
    assert [each["value"] for each in found.values() if each["bar"] == 0] == [0]
    assert run.returncode == (0 if all(each["holds"] is not False for each in found.values()) else 1)
    assert all(contestant in run.stdout for contestant in (NGINX, LIBRARIES, BARE, EDGE))


def outcome(cpu_us: float, *, calls: int = 100) -> Outcome:
    load = LoadResult(replies=calls, duration_us=1_000_000, bad_status=0, broken=0, p50_us=1, p99_us=2)
    # The median is the figure; one round that was disturbed does not move it.
    return Outcome([Round(each, each / 10, load) for each in (cpu_us, cpu_us - 1, cpu_us * 9)], calls)


def contest(*, nginx: float, bare: float, edge: float, events: int = 100, calls: int = 100) -> Contest:
    outcomes = {NGINX: outcome(nginx), BARE: outcome(bare), EDGE: outcome(edge)}
    return Contest(outcomes, usage_events=events, usage_calls=calls)


def missed(rows: list[Row]) -> list[str]:
    return [each.name for each in rows if each.holds is False]


@pytest.mark.parametrize(("rows", "to_bare"), [(chat.rows, 2), (stream.rows, 1.5)])
def test_bars_hold_up_to_a_multiple_of_nginx_and_of_the_bare_proxy(
    rows: Callable[[Contest], list[Row]], to_bare: float
) -> None:
    assert missed(rows(contest(nginx=20, bare=200 / to_bare, edge=200))) == []
    assert [name.partition(": ")[2] for name in missed(rows(contest(nginx=20, bare=150, edge=201)))] == [
        "edge-proxy's CPU over nginx's"
    ]
    assert [name.partition(": ")[2] for name in missed(rows(contest(nginx=50, bare=200 / to_bare, edge=201)))] == [
        "edge-proxy's CPU over the bare proxy's"
    ]


@pytest.mark.parametrize(("events", "calls"), [(99, 99), (101, 101), (101, 100), (100, 99)])
def test_a_lost_or_doubled_usage_event_is_a_miss(events: int, calls: int) -> None:
    rows = chat.rows(contest(nginx=20, bare=100, edge=100, events=events, calls=calls))

    assert len(missed(rows)) == 1
    assert "usage event" in missed(rows)[0]


def test_wrk_that_printed_no_result_is_noticed() -> None:
    printed = 'Running\nRESULT {"replies": 7, "duration_us": 2000000, "bad_status": 0, "broken": 0, "p50_us": 1, "p99_us": 2}\n'

    result = read_result(printed)

    assert result is not None
    assert result.per_second == 3.5
    assert read_result("unable to connect to 127.0.0.1:1 Connection refused\n") is None


def test_results_of_other_contests_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.json"

    write_json(path, [row("chat: a", 1, "µs"), row("chat: b", 1, "µs")])
    write_json(path, [row("stream: a", 2, "µs")])
    write_json(path, [row("chat: a", 3, "times", bar=2)])

    assert json.loads(path.read_text()) == [
        {"name": "stream: a", "value": 2, "unit": "µs", "bar": None, "holds": None},
        {"name": "chat: a", "value": 3, "unit": "times", "bar": 2, "holds": False},
    ]


def test_the_table_replaces_the_one_in_the_document(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("# A\n<!-- table of make bench -->\nold\n<!-- end of the table -->\nafter\n")

    write_into(document, "new")
    write_into(document, "newer")

    assert document.read_text() == "# A\n<!-- table of make bench -->\nnewer\n<!-- end of the table -->\nafter\n"
    document.write_text("no place\n")
    with pytest.raises(ValueError, match="substring"):
        write_into(document, "lost")
