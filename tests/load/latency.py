"""What edge-proxy with everything on adds to a call's time when it has half of what it can carry.

Half of the calls per second that it managed without a pause between calls, over many connections that pause for a random time
after each call. A call that takes long holds up its own connection only, which would have been silent for longer anyway: the
others go on as if nothing was, so that few calls are missing from the figures because a call before them was slow.

The same calls go straight to the upstream, through nginx, and through edge-proxy, in turn. Added is what a percentile has more
than that of the straight calls: the load generator's and the upstream's own waiting is in both.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tests.load.contests import EDGE, NGINX, Effort, call_body, check_reply
from tests.load.everything import traced_edge
from tests.load.measure import CONNECTIONS, Contestant, Outcome, contest
from tests.load.nginx import nginx_proxy, nginx_upstream
from tests.load.results import Row, calls_per_second, row
from tests.load.wrk import run_wrk, write_script

STRAIGHT: Final = "straight to the upstream"
_PAUSING_CONNECTIONS: Final = 128
_MOST_ADDED_MS: Final = 4


@dataclass(frozen=True, slots=True)
class Found:
    """`saturated`: the calls per second of which the outcomes have half."""

    saturated: float
    outcomes: Mapping[str, Outcome]


def run(folder: Path, effort: Effort) -> Found:
    body = call_body(stream=False)
    with ExitStack() as stack:
        upstream = stack.enter_context(nginx_upstream(folder))
        nginx, nginx_url = stack.enter_context(nginx_proxy(folder, upstream=upstream.address, buffering=True))
        edge, edge_url, installation = stack.enter_context(
            traced_edge(folder / "edge", upstream=upstream.address, module=effort.edge_module)
        )
        key = installation.limited_key
        check_reply(edge_url, body=body, key=key, stream=False)
        script = write_script(folder / "saturate.lua", body=body, key=key)
        saturated = run_wrk(edge_url, script=script, connections=CONNECTIONS, seconds=effort.seconds).per_second
        effort.report(f"{saturated:.0f} calls/s without pauses")
        pause_ms = 1000 * _PAUSING_CONNECTIONS / (saturated / 2)
        script = write_script(folder / "pausing.lua", body=body, key=key, pause_ms=pause_ms)

        straight_url = f"http://{upstream.address}"
        contestants = [
            Contestant(
                name,
                process,
                url,
                script,
                partial(check_reply, url, body=body, key=key, stream=False),
                _PAUSING_CONNECTIONS,
            )
            # Nobody's processor time is asked for here, so it does not matter whose it is of the straight calls.
            for name, process, url in (
                (STRAIGHT, nginx, straight_url),
                (NGINX, nginx, nginx_url),
                (EDGE, edge, edge_url),
            )
        ]
        outcomes = contest(
            contestants,
            upstream.served,
            rounds=effort.rounds,
            seconds=effort.seconds,
            report=effort.report,
        )
        return Found(saturated, outcomes)


def rows(found: Found) -> list[Row]:
    lines = [
        row("latency: calls per second without pauses", found.saturated, "1/s"),
        row("latency: calls per second", found.outcomes[EDGE].median(calls_per_second), "1/s"),
    ]
    for name in found.outcomes:
        for percentile in (50, 99):
            lines.append(row(f"latency: {name}: p{percentile}", _milliseconds(found, name, percentile), "ms"))
            if name != STRAIGHT:
                bar = _MOST_ADDED_MS if (name, percentile) == (EDGE, 99) else None
                lines.append(
                    row(f"latency: added by {name} at p{percentile}", _added(found, name, percentile), "ms", bar=bar)
                )
    return lines


def table(found: Found) -> list[str]:
    lines = ["| half load, everything on | calls/s | p50 ms | p99 ms | added p50 ms | added p99 ms |"]
    lines.append("|---|--:|--:|--:|--:|--:|")
    for name, outcome in found.outcomes.items():
        times = " | ".join(f"{_milliseconds(found, name, at):.2f}" for at in (50, 99))
        added = " | ".join("" if name == STRAIGHT else f"{_added(found, name, at):.2f}" for at in (50, 99))
        lines.append(f"| {name} | {outcome.median(calls_per_second):,.0f} | {times} | {added} |")
    return lines


def _milliseconds(found: Found, name: str, percentile: int) -> float:
    outcome = found.outcomes[name]
    return outcome.median(lambda each: each.load.p50_us if percentile == 50 else each.load.p99_us) / 1000


def _added(found: Found, name: str, percentile: int) -> float:
    return _milliseconds(found, name, percentile) - _milliseconds(found, STRAIGHT, percentile)
