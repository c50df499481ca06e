"""Plain calls: a 480-byte reply, as fast as one core can pass it on."""

from pathlib import Path

from tests.load import contests
from tests.load.contests import Contest, Effort
from tests.load.nginx import nginx_upstream
from tests.load.results import Row, calls_per_second, cpu_per_call, ratios, row, spread, usage_row


def run(folder: Path, effort: Effort) -> Contest:
    with nginx_upstream(folder) as upstream:
        return contests.run(folder, effort, upstream, stream=False)


def rows(found: Contest) -> list[Row]:
    lines = []
    for name, outcome in found.outcomes.items():
        lines.append(row(f"chat: {name}: CPU per call", outcome.median(cpu_per_call), "µs"))
        lines.append(row(f"chat: {name}: calls per second on one core", outcome.median(calls_per_second), "1/s"))
    return lines + ratios("chat", found, cpu_per_call, to_bare=2) + [usage_row("chat", found)]


def table(found: Contest) -> list[str]:
    lines = ["| plain calls | CPU µs per call | spread | x nginx | calls/s on one core | p50 ms | p99 ms |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|")
    nginx = found.outcomes[contests.NGINX].median(cpu_per_call)
    for name, outcome in found.outcomes.items():
        cpu = outcome.median(cpu_per_call)
        p50 = outcome.median(lambda each: each.load.p50_us) / 1000
        p99 = outcome.median(lambda each: each.load.p99_us) / 1000
        lines.append(
            f"| {name} | {cpu:.0f} | {spread(outcome, cpu_per_call)} | {cpu / nginx:.1f} |"
            f" {outcome.median(calls_per_second):,.0f} | {p50:.1f} | {p99:.1f} |"
        )
    return lines
