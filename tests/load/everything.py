"""Plain calls with everything on: limits, budgets and sampled traces besides what `chat` measures, and what they add.

One edge serves both kinds of calls in turn, with one key that is limited and one that is not, so that they meet the same noise.
Redis shares the other core with the load generator and the upstream: the edge is not saturated then, and a call costs it more than
on a machine where it is.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tests.load.contests import EDGE, NGINX, Contest, Effort, call_body, check_reply
from tests.load.edge import Installation, count_usage, running_edge
from tests.load.measure import Contestant, contest
from tests.load.nginx import nginx_proxy, nginx_upstream
from tests.load.results import Row, calls_per_second, cpu_per_call, row, spread
from tests.load.rig import PinnedProcess
from tests.load.wrk import write_script

EVERYTHING: Final = "edge-proxy, everything on"

_MOST_TIMES_NGINX: Final = 8
_MOST_ADDED_PERCENT: Final = 60


def run(folder: Path, effort: Effort) -> Contest:
    body = call_body(stream=False)
    with ExitStack() as stack:
        upstream = stack.enter_context(nginx_upstream(folder))
        nginx, nginx_url = stack.enter_context(nginx_proxy(folder, upstream=upstream.address, buffering=True))
        edge, edge_url, installation = stack.enter_context(
            traced_edge(folder / "edge", upstream=upstream.address, module=effort.edge_module)
        )

        def contestant(name: str, process: PinnedProcess, url: str, key: str) -> Contestant:
            script = write_script(folder / f"{name.replace(' ', '-')}.lua", body=body, key=key)
            return Contestant(name, process, url, script, partial(check_reply, url, body=body, key=key, stream=False))

        outcomes = contest(
            [
                contestant(NGINX, nginx, nginx_url, installation.key),
                contestant(EDGE, edge, edge_url, installation.key),
                contestant(EVERYTHING, edge, edge_url, installation.limited_key),
            ],
            upstream.served,
            rounds=effort.rounds,
            seconds=effort.seconds,
            report=effort.report,
        )
        calls = outcomes[EDGE].calls + outcomes[EVERYTHING].calls
        events, distinct = count_usage(installation, calls=calls)
        return Contest(outcomes, usage_events=events, usage_calls=distinct)


@contextmanager
def traced_edge(
    folder: Path, *, upstream: str, module: tuple[str, ...]
) -> Iterator[tuple[PinnedProcess, str, Installation]]:
    """`running_edge` with traces of 1 % of the calls; with its `limited_key`, everything is on."""
    # Another upstream takes the spans: it says yes to whatever it is sent.
    with nginx_upstream(folder / "collector") as collector:
        settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}", "OMG_TRACE_SAMPLE_RATIO": "0.01"}
        with running_edge(folder / "edge", upstream=upstream, module=module, settings=settings) as running:
            yield running


def rows(found: Contest) -> list[Row]:
    nginx, plain, everything = (found.outcomes[name].median(cpu_per_call) for name in (NGINX, EDGE, EVERYTHING))
    added = (everything / plain - 1) * 100
    calls = found.outcomes[EDGE].calls + found.outcomes[EVERYTHING].calls
    return [
        row("everything: CPU per call", everything, "µs"),
        row("everything: calls per second on one core", found.outcomes[EVERYTHING].median(calls_per_second), "1/s"),
        row("everything: edge-proxy's CPU over nginx's", everything / nginx, "times", bar=_MOST_TIMES_NGINX),
        row("everything: added by limits and budgets", added, "%", bar=_MOST_ADDED_PERCENT),
        row(
            f"everything: usage events missing or too many, of {calls} calls",
            abs(found.usage_calls - calls),
            "calls",
            bar=0,
        ),
    ]


def table(found: Contest) -> list[str]:
    lines = ["| plain calls, everything on | CPU µs per call | spread | x nginx | calls/s |", "|---|--:|--:|--:|--:|"]
    nginx = found.outcomes[NGINX].median(cpu_per_call)
    for name, outcome in found.outcomes.items():
        cpu = outcome.median(cpu_per_call)
        lines.append(
            f"| {name} | {cpu:.0f} | {spread(outcome, cpu_per_call)} | {cpu / nginx:.1f} |"
            f" {outcome.median(calls_per_second):,.0f} |"
        )
    return lines
