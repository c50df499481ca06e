"""Many child processes: started together, restarted when they crash, ended in order, and none left behind.

What the processes are is the caller's business; one process is `child.ChildProcess`.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from devstack.errors import DevstackError
from devstack.processes.child import ChildProcess, ProcessSpec, describe_exit, wait_gone

_POLL_SECONDS: Final = 0.05
_BACKOFF_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_HEALTHY_SECONDS: Final = 30.0
_SAME_PROCESS_SECONDS: Final = 1.0


class StartError(DevstackError):
    """A process ended, or was not ready in time, at its first start; the message holds the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A process to keep running. `is_ready` may block for some seconds and never raises; `stop_timeout` is in seconds."""

    spec: ProcessSpec
    is_ready: Callable[[], bool]
    stop_timeout: float


class Supervisor:
    """Owns the processes given to `start`, from then until `stop`.

    `say` gets one message for a person per crash and recovery. `register` is a file listing what runs, for the clean-up after a
    supervisor that was itself killed.
    """

    def __init__(self, *, register: Path, say: Callable[[str], None]) -> None:
        self._register = register
        self._say = say
        self._children: dict[str, ChildProcess] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._programs: dict[str, Program] = {}
        self._hurry = asyncio.Event()

    async def start(self, program: Program, *, timeout: float = 60.0) -> None:
        """Start a process, wait until it is ready, and keep it running from then on. Raises `StartError`."""
        name = program.spec.name
        child = self._spawn(program)
        if not await self._wait_ready(program, child, timeout):
            code = child.exit_code
            problem = f"is not ready after {timeout:g} s" if code is None else f"did not start ({describe_exit(code)})"
            raise StartError("\n".join([f"{name} {problem}; log: {program.spec.log}", *child.last_lines()]))
        self._keepers[name] = asyncio.create_task(self._keep(program), name=f"keep {name}")

    async def stop(self, groups: Iterable[Sequence[str]]) -> None:
        """End the named processes, group after group, each group at once; names that are not running are skipped.

        A process that outstays its `stop_timeout` is killed; all are, at once, after `hurry`.
        """
        for keeper in self._keepers.values():
            keeper.cancel()
        await asyncio.gather(*self._keepers.values(), return_exceptions=True)
        self._keepers.clear()
        for group in groups:
            await asyncio.gather(*(self._end(name) for name in group if name in self._children))
        self._write_register()

    def hurry(self) -> None:
        """Make the current and every later `stop` a kill."""
        self._hurry.set()

    def pid(self, name: str) -> int:
        """The process id of the named process, as started last."""
        return self._children[name].pid

    def _spawn(self, program: Program) -> ChildProcess:
        name = program.spec.name
        self._programs[name] = program
        self._children[name] = child = ChildProcess(program.spec)
        self._write_register()
        return child

    async def _wait_ready(self, program: Program, child: ChildProcess, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while child.exit_code is None and time.monotonic() < deadline:
            if await asyncio.to_thread(program.is_ready) and child.exit_code is None:
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    async def _keep(self, program: Program) -> None:
        """Restart it whenever it ends, sooner when it had been healthy for long."""
        name = program.spec.name
        failures = 0
        while True:
            child = self._children[name]
            started = time.monotonic()
            code = await child.ended()
            child.kill()  # what it left behind
            failures = 0 if time.monotonic() - started > _HEALTHY_SECONDS else failures
            delay = _BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)]
            failures += 1
            what = f"{name} ended unexpectedly ({describe_exit(code)}); restarting it in {delay:g} s; log: {program.spec.log}"
            self._say("\n    | ".join([what, *child.last_lines(5)]))
            await asyncio.sleep(delay)
            child = self._spawn(program)
            begun = time.monotonic()
            if await self._wait_ready(program, child, 60.0):
                self._say(f"{name} is ready again after {time.monotonic() - begun:.1f} s")

    async def _end(self, name: str) -> None:
        child = self._children[name]
        timeout = self._programs[name].stop_timeout
        child.send(child.spec.stop_signal)
        ended, hurried = asyncio.create_task(child.ended()), asyncio.create_task(self._hurry.wait())
        done, pending = await asyncio.wait({ended, hurried}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if not done:
            self._say(f"{name} did not stop in {timeout:g} s; killed")
        await asyncio.to_thread(child.kill)
        del self._children[name]

    def _write_register(self) -> None:
        entries = []
        for name, child in self._children.items():
            with suppress(psutil.NoSuchProcess):
                entries.append({"name": name, "pid": child.pid, "created": psutil.Process(child.pid).create_time()})
        new = self._register.with_name(self._register.name + ".new")
        new.write_text(json.dumps(entries, indent=2))
        new.replace(self._register)


def end_leftovers(register: Path, *, timeout: float = 3.0) -> list[str]:
    """End what a killed supervisor left running, by the register it kept; returns the names of what was found.

    A process id that has passed to another process since is told by its time of creation and left alone.
    """
    try:
        entries = json.loads(register.read_text())
    except (FileNotFoundError, ValueError):
        return []
    found: dict[psutil.Process, str] = {}
    for entry in entries:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(entry["pid"])
            if abs(process.create_time() - entry["created"]) < _SAME_PROCESS_SECONDS:
                found[process] = entry["name"]
                found |= dict.fromkeys(process.children(recursive=True), entry["name"])
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    stubborn = wait_gone(found, timeout=timeout)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_gone(stubborn, timeout=timeout)
    register.unlink(missing_ok=True)
    return list(dict.fromkeys(found.values()))
