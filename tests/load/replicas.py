"""One, two and four replicas of edge-proxy with everything on, which count the same limits and budgets in one Redis.

All of them share the one core under test, each with as many calls at once as one alone has; nginx on the other core deals them out
in turn. That shows what a call costs when more replicas share its counters, and take turns on their core. What several cores
bring it cannot show.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from tests.load.contests import Contest, Effort, call_body, check_reply
from tests.load.edge import count_usage, running_edges
from tests.load.measure import CONNECTIONS, Contestant, contest
from tests.load.nginx import nginx_balancer, nginx_upstream
from tests.load.results import Row, calls_per_second, cpu_per_call, row, spread
from tests.load.rig import PinnedProcess
from tests.load.wrk import write_script

COUNTS: Final = (1, 2, 4)


class _Together:
    def __init__(self, processes: Sequence[PinnedProcess]) -> None:
        self._processes = processes

    def cpu_seconds(self) -> float:
        return sum(each.cpu_seconds() for each in self._processes)


def name_of(count: int) -> str:
    return f"{count} replica{'s' if count > 1 else ''}"


def run(folder: Path, effort: Effort) -> Contest:
    body = call_body(stream=False)
    with ExitStack() as stack:
        upstream = stack.enter_context(nginx_upstream(folder))
        edges, installation = stack.enter_context(
            running_edges(folder / "edges", upstream=upstream.address, count=max(COUNTS), module=effort.edge_module)
        )
        key = installation.limited_key
        script = write_script(folder / "call.lua", body=body, key=key)
        for _, url in edges:
            check_reply(url, body=body, key=key, stream=False)
        contestants = []
        for count in COUNTS:
            addresses = [url.removeprefix("http://") for _, url in edges[:count]]
            url = stack.enter_context(nginx_balancer(folder / f"balancer-{count}", upstreams=addresses))
            together = _Together([process for process, _ in edges[:count]])
            check = partial(check_reply, url, body=body, key=key, stream=False)
            contestants.append(Contestant(name_of(count), together, url, script, check, count * CONNECTIONS))
        outcomes = contest(
            contestants,
            upstream.served,
            rounds=effort.rounds,
            seconds=effort.seconds,
            report=effort.report,
        )
        calls = sum(outcome.calls for outcome in outcomes.values()) + len(edges)
        events, distinct = count_usage(installation, calls=calls)
        return Contest(outcomes, usage_events=events - len(edges), usage_calls=distinct - len(edges))


def rows(found: Contest) -> list[Row]:
    lines = []
    for name, outcome in found.outcomes.items():
        lines.append(row(f"replicas: {name}: CPU per call", outcome.median(cpu_per_call), "µs"))
        lines.append(row(f"replicas: {name}: calls per second on one core", outcome.median(calls_per_second), "1/s"))
    calls = sum(outcome.calls for outcome in found.outcomes.values())
    wrong = abs(found.usage_events - calls) + abs(found.usage_calls - calls)
    return [*lines, row(f"replicas: calls without exactly one usage event, of {calls}", wrong, "calls", bar=0)]


def table(found: Contest) -> list[str]:
    lines = ["| everything on, on one core | CPU µs per call | spread | calls/s |", "|---|--:|--:|--:|"]
    for name, outcome in found.outcomes.items():
        cpu = outcome.median(cpu_per_call)
        lines.append(
            f"| {name} | {cpu:.0f} | {spread(outcome, cpu_per_call)} | {outcome.median(calls_per_second):,.0f} |"
        )
    return lines
