"""The bench of latencies itself: does a short run find what it should, and can its bar be missed?"""

import json
import subprocess
import sys
from pathlib import Path

from tests.load import latency
from tests.load.contests import EDGE, NGINX
from tests.load.latency import STRAIGHT, Found
from tests.load.measure import Outcome, Round
from tests.load.test_bench import CHECKOUT, needs_programs
from tests.load.wrk import LoadResult


@needs_programs
def test_a_short_run_pauses_between_calls(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.load", "latency", "--rounds", "1", "--seconds", "1"]
    run = subprocess.run(
        [*command, "--folder", str(tmp_path)], cwd=CHECKOUT, capture_output=True, text=True, timeout=100, check=False
    )
    assert (tmp_path / "results.json").exists(), run.stdout + run.stderr
    found = {each["name"]: each["value"] for each in json.loads((tmp_path / "results.json").read_text())}
    # Without pauses the upstream alone would answer many times as many.
    assert 0.3 < found["latency: calls per second"] / found["latency: calls per second without pauses"] < 0.7
    for name in (STRAIGHT, NGINX, EDGE):
        assert 0 < found[f"latency: {name}: p50"] <= found[f"latency: {name}: p99"]


def outcome(p50_us: int, p99_us: int) -> Outcome:
    loads = [
        LoadResult(replies=100, duration_us=1_000_000, bad_status=0, broken=0, p50_us=p50_us * n, p99_us=p99_us * n)
        for n in (1, 1, 9)
    ]
    return Outcome([Round(0, 0, load) for load in loads], 300)


def test_added_is_what_a_percentile_has_more_than_that_of_straight_calls() -> None:
    def rows(p99_us: int) -> dict[str, tuple[float, bool | None]]:
        outcomes = {STRAIGHT: outcome(100, 400), NGINX: outcome(200, 900), EDGE: outcome(1_100, p99_us)}
        return {each.name: (each.value, each.holds) for each in latency.rows(Found(200, outcomes))}

    assert rows(4_400)[f"latency: added by {EDGE} at p50"] == (1.0, None)
    assert rows(4_400)[f"latency: added by {NGINX} at p99"] == (0.5, None)
    assert rows(4_400)[f"latency: added by {EDGE} at p99"] == (4.0, True)
    assert rows(4_401)[f"latency: added by {EDGE} at p99"] == (4.001, False)
