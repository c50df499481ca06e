"""wrk, the load generator: one thread, many kept-open connections, each with one call at a time."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.load.rig import OTHER_CORE, RigError, search_path

_SCRIPT: Final = """
wrk.method = "POST"
wrk.path = "/v1/chat/completions"
wrk.body = [==[%s]==]
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer %s"
%s
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\\nRESULT {"replies": %%d, "duration_us": %%d, "bad_status": %%d, "broken": %%d, "p50_us": %%d, "p99_us": %%d}\\n',
        summary.requests, summary.duration, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency:percentile(99)))
end
"""


_PAUSES: Final = """
function delay()
    return math.random(0, %d)
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What one run of wrk saw. `replies` counts the complete ones; `bad_status` those of 400 and above."""

    replies: int
    duration_us: int
    bad_status: int
    broken: int
    p50_us: int
    p99_us: int

    @property
    def per_second(self) -> float:
        return self.replies * 1_000_000 / self.duration_us


def write_script(path: Path, *, body: bytes, key: str, pause_ms: float = 0) -> Path:
    """The script with the call that wrk repeats, at once or after pauses of any length, of `pause_ms` on average."""
    path.write_text(_SCRIPT % (body.decode(), key, _PAUSES % round(2 * pause_ms) if pause_ms else ""))
    return path


def run_wrk(url: str, *, script: Path, connections: int, seconds: int) -> LoadResult:
    """Raises `RigError` when wrk fails, and when a single reply was not what it should be."""
    command = ["taskset", "--cpu-list", str(OTHER_CORE), "wrk", "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{seconds}s", "--timeout", "10s", "--script", str(script), url]
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
        env={"PATH": search_path()},
    )
    result = read_result(run.stdout)
    if run.returncode != 0 or result is None:
        raise RigError(f"wrk failed: {run.stdout}{run.stderr}")
    if result.bad_status or result.broken or not result.replies:
        raise RigError(
            f"{url}: {result.replies} replies, {result.bad_status} errors, {result.broken} broken connections"
        )
    return result


def read_result(output: str) -> LoadResult | None:
    """What the script printed; None when it did not come to that."""
    for line in output.splitlines():
        if line.startswith("RESULT "):
            return LoadResult(**json.loads(line.removeprefix("RESULT ")))
    return None
