"""What every embedded server has in common. A server's own knowledge (files, flags, protocol) is in its module."""

import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

from devstack.errors import DevstackError
from devstack.ports import LOOPBACK, free_port, is_free
from devstack.processes.child import ChildProcess, ProcessSpec, describe_exit

_POLL_SECONDS: Final = 0.02
_PROBE_TIMEOUT: Final = 2.0
_PORT_PATIENCE: Final = 5.0


class ServerError(DevstackError):
    """A server's program is missing, or it did not start; the message is for a person."""


class Server(ABC):
    """One server on the loopback interface with its data in one folder.

    It can be used as a whole (`start`, `kill`, `stop`, `with`), as tests do, or in its steps (`prepare`, `spec`,
    `is_ready`) by the supervisor, which owns the process then.
    """

    name: ClassVar[str]
    stop_timeout: ClassVar[float] = 5.0

    def __init__(
        self, folder: Path, *, port: int | None = None, password: str | None = None, log: Path | None = None
    ) -> None:
        """`folder` is created when absent. Without a `port` a free one is taken; without a `password` a random one."""
        self.folder = folder.absolute()
        self.port = port if port is not None else free_port()
        self.password = password if password is not None else secrets.token_urlsafe(24)
        self.log = log if log is not None else self.folder / f"{self.name}.log"
        self._child: ChildProcess | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect, credentials included."""

    @abstractmethod
    def prepare(self) -> None:
        """Make the folder ready for a start; cheap when it already is. Raises `ServerError`."""

    @abstractmethod
    def spec(self) -> ProcessSpec:
        """How the process is started; valid after `prepare`."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the server answers a client right now. Never raises."""

    @property
    def pid(self) -> int:
        """The process id of the server started last."""
        assert self._child is not None, "the server has not been started"
        return self._child.pid

    def start(self, timeout: float = 30.0) -> None:
        """Prepare, start and wait until ready. Raises `ServerError` with the end of the log.

        A port that somebody has for a moment, after this server was killed, is waited for.
        """
        self.prepare()
        patience = time.monotonic() + _PORT_PATIENCE
        while not is_free(self.port) and time.monotonic() < patience:
            time.sleep(_POLL_SECONDS)
        self._child = child = ChildProcess(self.spec())
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            code = child.exit_code
            if code is None and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
                continue
            child.kill()
            problem = f"is not ready after {timeout:g} s" if code is None else f"did not start ({describe_exit(code)})"
            raise ServerError("\n".join([f"{self.name} {problem}; log: {self.log}", *child.last_lines()]))

    def kill(self) -> None:
        """`kill -9`, with everything below it. The data stays as it is."""
        if self._child is not None:
            self._child.kill()

    def stop(self) -> None:
        """A graceful end; killed when it takes longer than `stop_timeout`."""
        if self._child is not None:
            self._child.stop(self.stop_timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def plain_environment() -> dict[str, str]:
    """The environment of a server: nothing of ours, nothing secret."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "TZ") if name in os.environ} | {
        "LC_ALL": "C.UTF-8"
    }


def system_program(names: tuple[str, ...], *, at_least: tuple[int, ...]) -> Path | None:
    """The first of `names` on the PATH whose `--version` is new enough."""
    for name in names:
        found = shutil.which(name)
        if found is not None and program_version(Path(found)) >= at_least:
            return Path(found).resolve()
    return None


def program_version(program: Path) -> tuple[int, ...]:
    """The first dotted number in what `--version` prints; `()` when there is none."""
    try:
        run = subprocess.run((program, "--version"), capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.search(r"\d+(?:\.\d+)+", run.stdout)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def converse(port: int, request: bytes, *, until: bytes) -> bytes:
    """Send `request` to a local port and return what came back until `until` appears or the peer closes.

    Raises `OSError` when nobody listens or the answer takes longer than two seconds.
    """
    with socket.create_connection((LOOPBACK, port), timeout=_PROBE_TIMEOUT) as connection:
        connection.sendall(request)
        received = b""
        while until not in received and (chunk := connection.recv(4096)):
            received += chunk
        return received
