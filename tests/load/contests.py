"""A contest: the same calls, plain or streamed, through nginx, through two bare proxies and through edge-proxy."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from tests.load.edge import ALIAS, count_usage, running_edge
from tests.load.measure import Contestant, Outcome, Served, contest
from tests.load.nginx import nginx_proxy
from tests.load.rig import TESTED_CORE, PinnedProcess, RigError, pinned, python_module
from tests.load.wrk import write_script

from devstack.ports import LOOPBACK, free_port

NGINX: Final = "nginx proxy_pass"
LIBRARIES: Final = "bare proxy on uvicorn and pyreqwest"
BARE: Final = "bare proxy"
EDGE: Final = "edge-proxy"

_MESSAGES: Final = [
    {"role": "system", "content": "You are a concise assistant. Answer in one sentence."},
    {"role": "user", "content": "Which animal jumps over the lazy dog, and what colour does it have?"},
]


class Upstream(Protocol):
    """Where the calls end; `address` is host and port."""

    address: str

    def served(self) -> Served: ...


@dataclass(frozen=True, slots=True)
class Contest:
    """`outcomes` by contestant; of edge-proxy also the events in the usage stream, and the distinct calls they are about."""

    outcomes: dict[str, Outcome]
    usage_events: int
    usage_calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How long and how often to measure whom, and where to say how it goes. `edge_module` is what `python -m` runs as edge."""

    rounds: int
    seconds: int
    report: Callable[[str], None]
    only: Collection[str] = (NGINX, LIBRARIES, BARE, EDGE)
    edge_module: tuple[str, ...] = ("edge_proxy", "serve")


def call_body(*, stream: bool) -> bytes:
    """The call that is repeated, a small one: what a proxy costs shows best there."""
    body = {"model": ALIAS, "messages": _MESSAGES, "temperature": 0.7, "max_tokens": 128}
    return json.dumps(body | ({"stream": True} if stream else {}), separators=(",", ":")).encode()


def run(folder: Path, effort: Effort, upstream: Upstream, *, stream: bool) -> Contest:
    """Calls through each contestant of `effort` in turn; the usage events of edge-proxy are counted afterwards."""
    body = call_body(stream=stream)
    with ExitStack() as stack:
        nginx, nginx_url = stack.enter_context(nginx_proxy(folder, upstream=upstream.address, buffering=not stream))
        bare, bare_url = stack.enter_context(_bare(folder, "tests.load.bare", upstream))
        libraries, libraries_url = stack.enter_context(_bare(folder, "tests.load.bare_libraries", upstream))
        edge, edge_url, installation = stack.enter_context(
            running_edge(folder / "edge", upstream=upstream.address, module=effort.edge_module)
        )
        script = write_script(folder / "call.lua", body=body, key=installation.key)

        def contestant(name: str, process: PinnedProcess, url: str) -> Contestant:
            check = partial(check_reply, url, body=body, key=installation.key, stream=stream)
            return Contestant(name, process, url, script, check)

        contestants = [
            contestant(NGINX, nginx, nginx_url),
            contestant(LIBRARIES, libraries, libraries_url),
            contestant(BARE, bare, bare_url),
            contestant(EDGE, edge, edge_url),
        ]
        outcomes = contest(
            [each for each in contestants if each.name in effort.only],
            upstream.served,
            rounds=effort.rounds,
            seconds=effort.seconds,
            report=effort.report,
        )
        events, calls = count_usage(installation, calls=outcomes[EDGE].calls)
        return Contest(outcomes, usage_events=events, usage_calls=calls)


@contextmanager
def _bare(folder: Path, module: str, upstream: Upstream) -> Iterator[tuple[PinnedProcess, str]]:
    port = free_port()
    command = python_module(module, str(port), upstream.address)
    with pinned(command, core=TESTED_CORE, port=port, log=folder / f"{module}.log") as process:
        yield process, f"http://{LOOPBACK}:{port}"


def check_reply(url: str, *, body: bytes, key: str, stream: bool) -> None:
    """One call before the load: is the answer the upstream's? Raises `RigError`."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", data=body, headers=headers)
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                reply = answer.read()
            break
        except urllib.error.HTTPError as error:
            # edge-proxy listens before its configuration has come.
            if time.monotonic() > deadline:
                raise RigError(f"{url}: {error.code} {error.read()!r}") from error
            time.sleep(0.1)
    wanted = b"data: [DONE]" if stream else b"The quick brown fox"
    if wanted not in reply:
        raise RigError(f"{url} answered {reply[:500]!r}")
