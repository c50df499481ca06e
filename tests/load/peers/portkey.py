"""Portkey's gateway on node. It keeps no configuration: each call says in headers where it goes."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.load.peers.installation import Portkey
from tests.load.rig import TESTED_CORE, PinnedProcess, RigError, pinned
from tests.load.wrk import write_script

from devstack.ports import LOOPBACK, free_port

_KEY: Final = "sk-of-the-provider"


@contextmanager
def running_portkey(folder: Path, portkey: Portkey) -> Iterator[tuple[PinnedProcess, str]]:
    """The server without its console: the process, and its URL."""
    port = free_port()
    command = [str(portkey.node), str(portkey.server), "--headless", f"--port={port}"]
    # It calls no address of a private network but these.
    environment = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": LOOPBACK}
    with pinned(command, core=TESTED_CORE, port=port, log=folder / "portkey.log", environment=environment) as process:
        yield process, f"http://{LOOPBACK}:{port}"


class PortkeyCalls:
    """Calls with the headers that lead to `upstream`. The key is the provider's: it is passed on, not looked at."""

    def __init__(self, *, body: bytes, upstream: str) -> None:
        self._body = body
        self._headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://{upstream}/v1"}

    def write_script(self, path: Path) -> Path:
        """The script with the call that wrk repeats."""
        write_script(path, body=self._body, key=_KEY)
        with path.open("a") as script:
            script.writelines(f'wrk.headers["{name}"] = "{value}"\n' for name, value in self._headers.items())
        return path

    def check(self, url: str) -> None:
        """One call before the load: is the answer the upstream's? Raises `RigError`."""
        headers = {"content-type": "application/json", "authorization": f"Bearer {_KEY}", **self._headers}
        request = urllib.request.Request(f"{url}/v1/chat/completions", data=self._body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                reply = answer.read()
        except urllib.error.HTTPError as error:
            raise RigError(f"{url}: {error.code} {error.read()!r}") from error
        if b"The quick brown fox" not in reply:
            raise RigError(f"{url} answered {reply[:500]!r}")
