"""One child process in a session of its own, with its output in a log file. Restarting it is the supervisor's business."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import psutil

_GUARD: Final = Path(__file__).with_name("guard.py")
_WATCH_SECONDS: Final = 0.05
_LOG_LIMIT_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """How to start a process.

    `command` starts with an absolute path. `environment` is the whole environment. `stop_signal` asks for a graceful end;
    `death_signal` is sent by the kernel when this process ends without having stopped the child (Linux). `identity` is
    explained in `guard`.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    folder: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    identity: str = "same"


@cache
def _spawner() -> ThreadPoolExecutor:
    """One thread that lives as long as this process: the kernel ties a child to the *thread* that started it."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawn")


class ChildProcess:
    """A running (or ended) process of a `ProcessSpec`."""

    def __init__(self, spec: ProcessSpec) -> None:
        """Starts the process. Raises `OSError` when not even the interpreter can be started."""
        self.spec = spec
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        if spec.log.exists() and spec.log.stat().st_size > _LOG_LIMIT_BYTES:
            spec.log.replace(spec.log.with_name(spec.log.name + ".1"))
        self._popen = _spawner().submit(self._spawn).result()
        self.pid: int = self._popen.pid

    def _spawn(self) -> subprocess.Popen[bytes]:
        spec = self.spec
        with spec.log.open("ab") as log:
            return subprocess.Popen(
                guarded(spec.command, identity=spec.identity, death_signal=spec.death_signal),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=spec.folder,
                env=dict(spec.environment),
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """`None` while it runs; negative for the signal that ended it."""
        return self._popen.poll()

    def send(self, number: signal.Signals) -> None:
        """Signal the process itself, not its children; nothing happens when it has ended."""
        self._popen.send_signal(number)

    async def ended(self) -> int:
        """Wait, without a limit, until it has ended, and return its exit code."""
        while (code := self.exit_code) is None:  # noqa: ASYNC110 - there is no event: waiting in a thread would cost one thread each
            await asyncio.sleep(_WATCH_SECONDS)
        return code

    def wait(self, timeout: float) -> bool:
        """Whether it has ended within `timeout` seconds."""
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, timeout: float = 8.0) -> None:
        """Ask it to end, and kill it with all its descendants when it has not after `timeout` seconds."""
        self.send(self.spec.stop_signal)
        self.wait(timeout)
        self.kill()

    def kill(self) -> None:
        """`kill -9` for the process and everything below it. Returns when they are gone."""
        doomed: list[psutil.Process] = []
        if self.exit_code is None:
            with suppress(psutil.NoSuchProcess):
                doomed = psutil.Process(self.pid).children(recursive=True)
            self.send(signal.SIGKILL)
        else:
            # The leader is gone; what is left of its group has its number as group id.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        for process in doomed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._popen.wait()
        wait_gone(doomed, timeout=2)

    def last_lines(self, count: int = 12) -> list[str]:
        """The end of its log, for a message to a person."""
        return last_lines(self.spec.log, count)


def wait_gone(processes: Iterable[psutil.Process], *, timeout: float) -> list[psutil.Process]:
    """Wait until these have ended; returns those that still run after `timeout` seconds.

    An orphan that is dead but not yet reaped by init does not count: that can take init seconds.
    """
    deadline = time.monotonic() + timeout
    left = list(processes)
    while (left := [process for process in left if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(0.005)
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def last_lines(log: Path, count: int) -> list[str]:
    """The last `count` lines of a file that may be long or absent."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 32_768))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-count:]


def describe_exit(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def guarded(command: tuple[str, ...], *, identity: str, death_signal: signal.Signals) -> tuple[str, ...]:
    """`command` behind the guard that ties it to this process and changes its identity."""
    return (sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), str(int(death_signal)), identity, *command)


def run_guarded(
    command: tuple[str, ...], *, identity: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a short command to its end under another identity, its output captured. It is stopped after a minute."""
    full = guarded(command, identity=identity, death_signal=signal.SIGKILL)
    return subprocess.run(full, env=dict(environment), capture_output=True, text=True, timeout=60, check=False)
