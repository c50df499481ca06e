"""nginx twice: as the upstream that answers at once, and as the proxy that everything is compared with."""

import json
import os
import re
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.load.measure import Served
from tests.load.rig import OTHER_CORE, TESTED_CORE, PinnedProcess, pinned

from devstack.ports import LOOPBACK, free_port

# 480 bytes, as a short answer of a real provider.
CHAT_REPLY: Final = json.dumps(
    {
        "id": "chatcmpl-0123456789abcdef0123456789abcd",
        "object": "chat.completion",
        "created": 1770000000,
        "model": "bench-model-2026-01-01",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "The quick brown fox jumps over the lazy dog. " * 3},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 57, "completion_tokens": 31, "total_tokens": 88},
        "system_fingerprint": "fp_0123456789",
    },
    separators=(",", ":"),
).ljust(480)
assert len(CHAT_REPLY) == 480

_CONFIGURATION: Final = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
{user}
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {content}
}}
"""

_UPSTREAM: Final = """
    server {{
        listen {address} backlog=2048;
        location = /count {{ stub_status; }}
        location / {{ default_type application/json; return 200 '{reply}'; }}
    }}
"""

_PROXY: Final = """
    upstream provider {{ {servers} keepalive 128; keepalive_requests 100000000; }}
    server {{
        listen {address} backlog=2048;
        location / {{
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering {buffering};
        }}
    }}
"""


class NginxUpstream:
    """Answers every call with `CHAT_REPLY`."""

    def __init__(self, port: int) -> None:
        self.address = f"{LOOPBACK}:{port}"
        self._asked = 0

    def served(self) -> Served:
        """How much it has answered; this question is not counted."""
        with urllib.request.urlopen(f"http://{self.address}/count", timeout=5) as answer:
            counters = re.search(r"\d+ \d+ (\d+)", answer.read().decode())
        assert counters is not None
        self._asked += 1
        calls = int(counters[1]) - self._asked
        return Served(calls=calls, pieces=calls)


@contextmanager
def nginx_upstream(folder: Path) -> Iterator[NginxUpstream]:
    """The upstream for plain calls, on the core of everything that is not under test."""
    port = free_port()
    content = _UPSTREAM.format(address=f"{LOOPBACK}:{port}", reply=CHAT_REPLY)
    with _nginx(folder / "upstream", content, core=OTHER_CORE, port=port):
        yield NginxUpstream(port)


@contextmanager
def nginx_proxy(folder: Path, *, upstream: str, buffering: bool) -> Iterator[tuple[PinnedProcess, str]]:
    """`proxy_pass` with connections kept open: the process, and its URL."""
    with _proxy(folder / "proxy", upstreams=[upstream], buffering=buffering, core=TESTED_CORE) as proxy:
        yield proxy


@contextmanager
def nginx_balancer(folder: Path, *, upstreams: Sequence[str]) -> Iterator[str]:
    """Its URL: calls go to each in turn. Not under test, it is on the core of everything that is not."""
    with _proxy(folder, upstreams=upstreams, buffering=True, core=OTHER_CORE) as (_, url):
        yield url


@contextmanager
def _proxy(
    folder: Path, *, upstreams: Sequence[str], buffering: bool, core: int
) -> Iterator[tuple[PinnedProcess, str]]:
    port = free_port()
    content = _PROXY.format(
        address=f"{LOOPBACK}:{port}",
        servers=" ".join(f"server {each};" for each in upstreams),
        buffering="on" if buffering else "off",
    )
    with _nginx(folder, content, core=core, port=port) as process:
        yield process, f"http://{LOOPBACK}:{port}"


@contextmanager
def _nginx(folder: Path, content: str, *, core: int, port: int) -> Iterator[PinnedProcess]:
    folder.mkdir(parents=True)
    # Root's workers would become another user, who cannot write to our folders.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, user=user, content=content))
    command = ["nginx", "-c", str(configuration), "-e", "stderr"]
    with pinned(command, core=core, port=port, log=folder / "log") as process:
        yield process
