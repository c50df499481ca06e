"""Tiny real child processes: scripts that say when they run, and that can be found again by a mark in their command line."""

import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from devstack.processes.child import ProcessSpec


class Scripts:
    """Makes processes of Python scripts, and knows which of them, or of their children, are alive."""

    SLEEP = "time.sleep(60)"
    STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsay_ready()\ntime.sleep(60)"
    WITH_CHILD = (
        "import subprocess\n"
        "subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)', sys.argv[2]])\n"
        "say_ready()\ntime.sleep(60)"
    )

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"mark-{uuid.uuid4().hex}"

    def spec(self, name: str, script: str, *, stop_signal: signal.Signals = signal.SIGTERM) -> ProcessSpec:
        """`script` may call `say_ready()`; one that does not mention it has called it before it begins."""
        start = "import pathlib, sys, time\ndef say_ready():\n    pathlib.Path(sys.argv[1]).touch()\n"
        first = "" if "say_ready" in script else "say_ready()\n"
        return ProcessSpec(
            name=name,
            command=(sys.executable, "-I", "-S", "-c", start + first + script, str(self.ready_file(name)), self.mark),
            environment={"PATH": os.defpath},
            log=self.folder / f"{name}.log",
            stop_signal=stop_signal,
        )

    def ready_file(self, name: str) -> Path:
        """Exists once the process of this name has said that it is ready."""
        return self.folder / f"{name}.ready"

    def alive(self) -> list[psutil.Process]:
        """All living processes of this test."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            if process.info["status"] != psutil.STATUS_ZOMBIE and self.mark in " ".join(process.info["cmdline"] or ()):
                found.append(process)
        return found


@pytest.fixture
def scripts(tmp_path: Path) -> Iterator[Scripts]:
    """The test fails when any of its processes outlives it."""
    made = Scripts(tmp_path)
    yield made
    left = made.alive()
    for process in left:
        process.kill()
    assert not left, f"left behind: {left}"


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], None]:
    """Waits for a condition, and fails when it does not come true within ten seconds."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)

    return wait
