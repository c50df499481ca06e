"""The bench's hardware and processes: which core does what, programs pinned to a core, and the CPU time they used.

The process under test has a core of its own; everything else (load generator, upstream, NATS) shares the other one.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from devstack.ports import LOOPBACK

_CORES: Final = sorted(psutil.Process().cpu_affinity() or [0])
TESTED_CORE: Final = _CORES[0]
OTHER_CORE: Final = _CORES[-1]
_START_TIMEOUT_S: Final = 20.0


class RigError(Exception):
    """The bench cannot run here, or a part of it failed; the message is for a person."""


def take_place() -> None:
    """Move this process, and with it all it starts without saying otherwise, off the tested core.

    Raises `RigError` when a program or a core is missing.
    """
    missing = [name for name in ("nginx", "wrk", "taskset") if shutil.which(name, path=search_path()) is None]
    if missing:
        raise RigError(f"{', '.join(missing)} not found (Debian: apt-get install nginx wrk util-linux)")
    if TESTED_CORE == OTHER_CORE:
        raise RigError("two cores are needed: one for the process under test, one for the rest")
    os.sched_setaffinity(0, {OTHER_CORE})


def search_path() -> str:
    """PATH with the places of system programs, which a user's may lack."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


class PinnedProcess:
    """A program on one core, its output in a file."""

    def __init__(
        self, command: Sequence[str], *, core: int, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                ["taskset", "--cpu-list", str(core), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PATH": search_path(), **(environment or {})},
            )

    def cpu_seconds(self) -> float:
        """User and system time of the process, all its threads and all its children, since they started."""
        return sum(each.cpu_times().user + each.cpu_times().system for each in self._family())

    def rss(self) -> int:
        """Bytes that the process and its children, one of which does nginx's work, have in memory; what they share, for each."""
        return sum(each.memory_info().rss for each in self._family())

    def _family(self) -> list[psutil.Process]:
        process = psutil.Process(self._popen.pid)
        return [process, *process.children(recursive=True)]

    def connections_at(self, port: int) -> int:
        """How many connections it has accepted at a port and not closed."""
        connections = psutil.Process(self._popen.pid).net_connections("tcp")
        return sum(each.laddr.port == port and bool(each.raddr) for each in connections)

    def until_listening(self, port: int, *, timeout_s: float = _START_TIMEOUT_S) -> None:
        """Raises `RigError` with the end of the log when nothing listens on `port` in time."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self._popen.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((LOOPBACK, port)) == 0:
                    return
            time.sleep(0.02)
        raise RigError(f"{self._popen.args!r} does not listen on {port}; its log:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when that takes longer than ten seconds."""
        self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(10)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


@contextmanager
def pinned(
    command: Sequence[str],
    *,
    core: int,
    port: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
    start_timeout_s: float = _START_TIMEOUT_S,
) -> Iterator[PinnedProcess]:
    """A pinned process that listens on `port`, stopped at the end."""
    process = PinnedProcess(command, core=core, log=log, environment=environment)
    try:
        process.until_listening(port, timeout_s=start_timeout_s)
        yield process
    finally:
        process.stop()


def python_module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of this checkout with this interpreter."""
    return [sys.executable, "-m", name, *arguments]
