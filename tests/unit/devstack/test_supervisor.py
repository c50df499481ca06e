import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from devstack.processes.child import ChildProcess
from devstack.processes.supervisor import Program, StartError, Supervisor, end_leftovers

WaitUntil = Callable[[Callable[[], object]], None]
CRASH_ONCE = """
flag = pathlib.Path(sys.argv[1] + '.crashed')
if not flag.exists():
    flag.touch()
    time.sleep(0.3)
    sys.exit('boom')
time.sleep(60)
"""
LAST_WORDS = """
import signal
def end(*_):
    print(time.time_ns())
    sys.exit()
signal.signal(signal.SIGTERM, end)
say_ready()
time.sleep(60)
"""


class Stage:
    """A supervisor, what it said, and programs for it."""

    def __init__(self, scripts: Any, folder: Path) -> None:
        self.said: list[str] = []
        self.register = folder / "processes.json"
        self.supervisor = Supervisor(register=self.register, say=self.said.append)
        self._scripts = scripts

    def program(self, name: str, script: str, *, stop_timeout: float = 5.0) -> Program:
        return Program(
            spec=self._scripts.spec(name, script),
            is_ready=self._scripts.ready_file(name).exists,
            stop_timeout=stop_timeout,
        )

    async def until_said(self, text: str) -> str:
        async with asyncio.timeout(10):
            while not (found := [message for message in self.said if text in message]):
                await asyncio.sleep(0.01)
        return found[0]


@pytest.fixture
async def stage(scripts: Any, tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(scripts, tmp_path)
    yield made
    made.supervisor.hurry()
    await made.supervisor.stop([["one", "two", "three"]])


async def test_start_returns_when_it_is_ready(stage: Stage, scripts: Any) -> None:
    await stage.supervisor.start(stage.program("one", scripts.SLEEP))
    assert scripts.ready_file("one").exists()
    assert psutil.pid_exists(stage.supervisor.pid("one"))


async def test_a_start_that_fails_tells_the_end_of_the_log(stage: Stage) -> None:
    with pytest.raises(StartError, match=r"(?s)one did not start \(exit code 1\).*no such table"):
        await stage.supervisor.start(stage.program("one", "def say_ready(): pass\nsys.exit('no such table')"))


async def test_a_start_that_takes_too_long_says_so(stage: Stage) -> None:
    with pytest.raises(StartError, match=r"one is not ready after 0\.3 s"):
        await stage.supervisor.start(stage.program("one", "'say_ready'\ntime.sleep(60)"), timeout=0.3)


async def test_a_crash_is_said_with_its_reason_and_the_process_comes_back(stage: Stage) -> None:
    await stage.supervisor.start(stage.program("one", CRASH_ONCE))
    first = stage.supervisor.pid("one")
    message = await stage.until_said("ended unexpectedly")
    assert message.startswith("one ended unexpectedly (exit code 1); restarting it in 0.2 s; log: ")
    assert "boom" in message
    await stage.until_said("one is ready again")
    assert stage.supervisor.pid("one") != first


async def test_a_kill_from_outside_is_a_crash_too(stage: Stage, scripts: Any) -> None:
    await stage.supervisor.start(stage.program("one", scripts.SLEEP))
    os.kill(stage.supervisor.pid("one"), signal.SIGKILL)
    assert "killed by SIGKILL" in await stage.until_said("ended unexpectedly")
    await stage.until_said("ready again")


async def test_repeated_crashes_are_restarted_ever_more_slowly(stage: Stage) -> None:
    await stage.supervisor.start(stage.program("one", "time.sleep(0.2)"))
    assert "in 0.2 s" in await stage.until_said("restarting")
    await stage.until_said("restarting it in 0.5 s")
    await stage.until_said("restarting it in 1 s")


async def test_stop_goes_group_by_group_and_leaves_nothing(stage: Stage, scripts: Any) -> None:
    for name in ("one", "two", "three"):
        await stage.supervisor.start(stage.program(name, LAST_WORDS))
    await stage.supervisor.stop([["one", "two"], ["three"], ["never-started"]])
    assert scripts.alive() == []
    ended = {name: int((scripts.folder / f"{name}.log").read_text()) for name in ("one", "two", "three")}
    assert max(ended["one"], ended["two"]) < ended["three"]
    assert stage.said == []
    assert json.loads(stage.register.read_text()) == []


async def test_what_does_not_stop_is_killed_and_said(stage: Stage, scripts: Any) -> None:
    await stage.supervisor.start(stage.program("one", scripts.STUBBORN, stop_timeout=0.3))
    await stage.supervisor.stop([["one"]])
    assert stage.said == ["one did not stop in 0.3 s; killed"]


async def test_hurry_ends_the_patience(stage: Stage, scripts: Any) -> None:
    await stage.supervisor.start(stage.program("one", scripts.STUBBORN, stop_timeout=60))
    begun = time.monotonic()
    stopping = asyncio.create_task(stage.supervisor.stop([["one"]]))
    await asyncio.sleep(0.1)
    stage.supervisor.hurry()
    await stopping
    assert time.monotonic() - begun < 5


async def test_a_start_that_is_cancelled_is_stopped_with_the_rest(stage: Stage, scripts: Any) -> None:
    task = asyncio.create_task(stage.supervisor.start(stage.program("one", "'say_ready'\ntime.sleep(60)")))
    async with asyncio.timeout(10):
        while not scripts.alive():
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await stage.supervisor.stop([["one"]])
    assert scripts.alive() == []


def test_leftovers_are_found_by_the_register_and_ended(scripts: Any, wait_until: WaitUntil, tmp_path: Path) -> None:
    child = ChildProcess(scripts.spec("one", scripts.WITH_CHILD))
    wait_until(scripts.ready_file("one").exists)
    register = tmp_path / "processes.json"
    created = psutil.Process(child.pid).create_time()
    register.write_text(json.dumps([{"name": "one", "pid": child.pid, "created": created}]))
    assert end_leftovers(register) == ["one"]
    wait_until(lambda: not scripts.alive())
    assert child.wait(5)
    assert end_leftovers(register) == []


def test_a_process_that_only_has_the_same_number_is_left_alone(
    scripts: Any, wait_until: WaitUntil, tmp_path: Path
) -> None:
    child = ChildProcess(scripts.spec("one", scripts.SLEEP))
    wait_until(scripts.ready_file("one").exists)
    register = tmp_path / "processes.json"
    created = psutil.Process(child.pid).create_time() - 1000
    register.write_text(json.dumps([{"name": "one", "pid": child.pid, "created": created}]))
    assert end_leftovers(register) == []
    assert child.exit_code is None
    child.kill()
