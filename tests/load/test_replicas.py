"""The bench of replicas itself: does a short run ask all of them, and count every call once?"""

import json
import subprocess
import sys
from pathlib import Path

from tests.load.replicas import COUNTS, name_of
from tests.load.test_bench import CHECKOUT, needs_programs


@needs_programs
def test_a_short_run_asks_every_replica(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.load", "replicas", "--rounds", "1", "--seconds", "1"]
    run = subprocess.run(
        [*command, "--folder", str(tmp_path)], cwd=CHECKOUT, capture_output=True, text=True, timeout=100, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = {each["name"]: each["value"] for each in json.loads((tmp_path / "results.json").read_text())}
    assert all(found[f"replicas: {name_of(count)}: CPU per call"] > 0 for count in COUNTS)
    # Each of them has written calls into a journal of its own.
    states = sorted((tmp_path / "replicas" / "edges").glob("state-*"))
    assert len(states) == max(COUNTS)
    assert all(b'"id":"req_' in log.read_bytes() for log in (tmp_path / "replicas" / "edges").glob("log-*"))
