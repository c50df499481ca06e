"""edge-proxy with everything on beside nginx, Portkey's gateway and LiteLLM's proxy, in one run.

The peers have less to do here: neither has limits, budgets or usage events; Portkey asks for no key, LiteLLM compares it with its
master key. So it is what a call costs that is compared, not what one gets for it. Each is one process with its makers' settings
for production, and is warmed up before the rounds begin.

A peer that cannot be installed is left out of the table, and that is a miss.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from tests.load.contests import NGINX, Effort, call_body, check_reply
from tests.load.edge import Installation, count_usage
from tests.load.everything import EVERYTHING, traced_edge
from tests.load.measure import Contestant, Outcome, contest
from tests.load.nginx import NginxUpstream, nginx_proxy, nginx_upstream
from tests.load.peers import litellm
from tests.load.peers.installation import LITELLM_VERSION, PORTKEY_VERSION, install_litellm, install_portkey, place_of
from tests.load.peers.litellm import running_litellm
from tests.load.peers.portkey import PortkeyCalls, running_portkey
from tests.load.results import Row, calls_per_second, cpu_per_call, row, row_at_least, spread
from tests.load.rig import PinnedProcess
from tests.load.wrk import write_script

from devstack.errors import DevstackError

PORTKEY: Final = "Portkey"
LITELLM: Final = "LiteLLM"

_WARM_UP_TIMES: Final = 2
"""How many measurements the warm-up is as long as: ten seconds, where nothing else is said."""
_LEAST_TIMES: Final = {PORTKEY: 5, LITELLM: 80}
_SHOWN_AS: Final = {
    PORTKEY: f"Portkey {PORTKEY_VERSION}, one process",
    LITELLM: f"LiteLLM {LITELLM_VERSION}, one worker",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What there is by contestant, and why others are missing; calls that the edge was asked, and those in the usage stream."""

    outcomes: Mapping[str, Outcome]
    missing: Mapping[str, str]
    edge_calls: int
    usage_calls: int


def run(folder: Path, effort: Effort) -> Found:
    body = call_body(stream=False)
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        upstream = stack.enter_context(nginx_upstream(folder))
        edge, installation = stack.enter_context(_edge(folder, upstream, body, effort))
        contestants = [stack.enter_context(_nginx(folder, upstream, body)), edge]
        for name, peer in {PORTKEY: _portkey, LITELLM: _litellm}.items():
            try:
                contestants.append(stack.enter_context(peer(folder, upstream, body)))
            except DevstackError as error:
                missing[name] = str(error)
                effort.report(f"{name} COULD NOT BE INSTALLED and is left out: {error}")
        effort.report(f"warming up each for {_WARM_UP_TIMES * effort.seconds} s")
        outcomes = contest(
            contestants,
            upstream.served,
            rounds=effort.rounds,
            seconds=effort.seconds,
            report=effort.report,
            warm_up_s=_WARM_UP_TIMES * effort.seconds,
        )
        edge_calls = outcomes[EVERYTHING].calls
        _, usage_calls = count_usage(installation, calls=edge_calls)
    return Found(outcomes, missing, edge_calls=edge_calls, usage_calls=usage_calls)


@contextmanager
def _nginx(folder: Path, upstream: NginxUpstream, body: bytes) -> Iterator[Contestant]:
    with nginx_proxy(folder, upstream=upstream.address, buffering=True) as (process, url):
        yield _contestant(NGINX, process, url, folder / "nginx.lua", body=body, key="nobody-asks")


@contextmanager
def _edge(
    folder: Path, upstream: NginxUpstream, body: bytes, effort: Effort
) -> Iterator[tuple[Contestant, Installation]]:
    """As `everything` runs it, called with the key that has limits and budgets."""
    with traced_edge(folder / "edge", upstream=upstream.address, module=effort.edge_module) as running:
        process, url, installation = running
        key = installation.limited_key
        yield _contestant(EVERYTHING, process, url, folder / "edge.lua", body=body, key=key), installation


@contextmanager
def _portkey(folder: Path, upstream: NginxUpstream, body: bytes) -> Iterator[Contestant]:
    server = install_portkey(place_of(folder))
    with running_portkey(folder, server) as (process, url):
        calls = PortkeyCalls(body=body, upstream=upstream.address)
        script = calls.write_script(folder / "portkey.lua")
        yield Contestant(PORTKEY, process, url, script, partial(calls.check, url))


@contextmanager
def _litellm(folder: Path, upstream: NginxUpstream, body: bytes) -> Iterator[Contestant]:
    program = install_litellm(place_of(folder))
    with running_litellm(folder, program, upstream=upstream.address) as (process, url):
        contestant = _contestant(LITELLM, process, url, folder / "litellm.lua", body=body, key=litellm.MASTER_KEY)
        yield replace(contestant, connections=litellm.CONNECTIONS)


def _contestant(name: str, process: PinnedProcess, url: str, script: Path, *, body: bytes, key: str) -> Contestant:
    check = partial(check_reply, url, body=body, key=key, stream=False)
    return Contestant(name, process, url, write_script(script, body=body, key=key), check)


def rows(found: Found) -> list[Row]:
    listed = []
    for name, outcome in found.outcomes.items():
        listed.append(row(f"peers: {name}: CPU per call", outcome.median(cpu_per_call), "µs"))
        listed.append(row(f"peers: {name}: calls per second on one core", outcome.median(calls_per_second), "1/s"))
    edge = found.outcomes[EVERYTHING].median(cpu_per_call)
    for name, least in _LEAST_TIMES.items():
        if name in found.missing:
            listed.append(row(f"peers: {name} could not be installed", 1, "peers", bar=0))
        else:
            times = found.outcomes[name].median(cpu_per_call) / edge
            listed.append(row_at_least(f"peers: {name}'s CPU over edge-proxy's", times, "times", bar=least))
    wrong = abs(found.usage_calls - found.edge_calls)
    usage = f"peers: usage events missing or too many, of {found.edge_calls} calls"
    return [*listed, row(usage, wrong, "calls", bar=0)]


def table(found: Found) -> list[str]:
    lines = ["| plain calls, beside other gateways | CPU µs per call | spread | x edge-proxy | calls/s on one core |"]
    lines.append("|---|--:|--:|--:|--:|")
    edge = found.outcomes[EVERYTHING].median(cpu_per_call)
    for name, outcome in found.outcomes.items():
        cpu = outcome.median(cpu_per_call)
        lines.append(
            f"| {_SHOWN_AS.get(name, name)} | {cpu:,.0f} | {spread(outcome, cpu_per_call)} | {cpu / edge:.1f} |"
            f" {outcome.median(calls_per_second):,.0f} |"
        )
    return lines + [f"| {_SHOWN_AS[name]} | could not be installed | | | |" for name in found.missing]
