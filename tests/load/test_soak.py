"""The soak itself: does a short one see all of its calls end, and can each of its bars be missed?"""

import json
import subprocess
import sys
from pathlib import Path

from tests.load import soak
from tests.load.soak import Found
from tests.load.test_bench import CHECKOUT, needs_programs


@needs_programs
def test_a_short_soak_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.load", "soak", "--seconds", "6", "--folder", str(tmp_path)]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=110, check=False)
    assert (tmp_path / "results.json").exists(), run.stdout + run.stderr
    rows = json.loads((tmp_path / "results.json").read_text())
    # What its memory does in six seconds says nothing.
    assert {each["name"]: each["value"] for each in rows if each["bar"] == 0} == {
        each["name"]: 0 for each in rows if each["bar"] == 0
    }
    assert sum(each["bar"] == 0 for each in rows) == 7


def found(rss: list[int], *, events: int = 10, distinct: int = 10, left: int = 0) -> Found:
    return Found(rss, 10, events, distinct, {"tasks": left})


def missed(of: Found) -> list[str]:
    return [each.name.removeprefix("soak: ") for each in soak.rows(of) if each.holds is False]


def test_memory_that_grows_is_a_miss_and_the_first_tenth_is_warm_up() -> None:
    assert missed(found([10_000] * 10 + [100_000] * 80 + [104_900] * 10)) == []
    assert missed(found([10_000] * 10 + [100_000] * 80 + [105_100] * 10)) == ["drift of the RSS"]


def test_what_is_left_over_or_lost_is_a_miss() -> None:
    steady = [100_000] * 100
    assert missed(found(steady, left=1)) == ["tasks left over"]
    usage = "usage events missing or too many, of 10 calls"
    assert missed(found(steady, events=9, distinct=9)) == missed(found(steady, events=11)) == [usage]
    assert missed(found(steady, distinct=9)) == [usage]
