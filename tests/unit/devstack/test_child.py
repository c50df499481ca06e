import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devstack.processes.child import ChildProcess, describe_exit, last_lines
from devstack.processes.command import CommandError, run_command

WaitUntil = Callable[[Callable[[], object]], None]


def started(scripts: Any, wait_until: WaitUntil, script: str) -> ChildProcess:
    child = ChildProcess(scripts.spec("child", script))
    wait_until(scripts.ready_file("child").exists)
    return child


def test_stop_ends_it_and_tells_the_signal(scripts: Any, wait_until: WaitUntil) -> None:
    child = started(scripts, wait_until, scripts.SLEEP)
    assert not child.wait(0)
    child.stop()
    assert child.exit_code == -signal.SIGTERM
    assert describe_exit(child.exit_code) == "killed by SIGTERM"


def test_stop_kills_what_does_not_listen(scripts: Any, wait_until: WaitUntil) -> None:
    child = started(scripts, wait_until, scripts.STUBBORN)
    child.stop(timeout=0.2)
    assert child.exit_code == -signal.SIGKILL


def test_kill_takes_the_grandchildren_too(scripts: Any, wait_until: WaitUntil) -> None:
    child = started(scripts, wait_until, scripts.WITH_CHILD)
    assert len(scripts.alive()) == 2
    child.kill()
    assert scripts.alive() == []


def test_what_a_crashed_leader_left_in_its_group_is_killed(scripts: Any, wait_until: WaitUntil) -> None:
    child = started(scripts, wait_until, scripts.WITH_CHILD)
    child.send(signal.SIGKILL)
    assert child.wait(5)
    assert len(scripts.alive()) == 1
    child.kill()
    wait_until(lambda: not scripts.alive())


def test_output_goes_to_the_log_and_the_environment_is_all_there_is(
    scripts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    spec = scripts.spec("child", "import os\nprint('and an error', file=sys.stderr)\nprint(sorted(os.environ))")
    child = ChildProcess(spec)
    assert child.wait(10)
    assert child.exit_code == 0
    error, names = child.last_lines()
    assert error == "and an error"
    assert "PATH" in names
    assert "OPENAI_API_KEY" not in names


def test_a_program_that_is_not_there_is_an_exit_with_a_reason(scripts: Any, tmp_path: Path) -> None:
    spec = scripts.spec("child", "")
    missing = type(spec)(
        name="missing", command=(str(tmp_path / "nothing"),), environment={}, log=tmp_path / "missing.log"
    )
    child = ChildProcess(missing)
    assert child.wait(10)
    assert child.exit_code == 1
    assert "No such file" in "\n".join(child.last_lines())


def test_the_end_of_a_long_or_missing_log(tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    log.write_text("".join(f"line {number}\n" for number in range(50_000)))
    assert last_lines(log, 2) == ["line 49998", "line 49999"]
    assert last_lines(tmp_path / "none.log", 2) == []


async def test_a_failing_command_shows_the_end_of_its_log(scripts: Any) -> None:
    spec = scripts.spec("command", "print('what went wrong')\nsys.exit(3)")
    with pytest.raises(CommandError, match=r"(?s)^migration failed \(exit code 3\).*what went wrong"):
        await run_command(spec.command, title="migration", environment=spec.environment, log=spec.log)


async def test_a_command_reads_its_standard_input(scripts: Any) -> None:
    spec = scripts.spec("command", "print(sys.stdin.read() + '!')")
    await run_command(spec.command, title="x", environment=spec.environment, log=spec.log, stdin="hello")
    assert spec.log.read_text() == "hello!\n"


async def test_a_cancelled_command_leaves_nothing(scripts: Any) -> None:
    spec = scripts.spec("command", scripts.WITH_CHILD)
    task = asyncio.create_task(run_command(spec.command, title="x", environment=spec.environment, log=spec.log))
    while not scripts.ready_file("command").exists():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while scripts.alive():
        await asyncio.sleep(0.01)


def test_a_child_dies_with_its_parent_even_when_that_is_killed(scripts: Any, wait_until: WaitUntil) -> None:
    """The parent is a process of its own, killed with SIGKILL while its child runs."""
    spec = scripts.spec("child", scripts.STUBBORN)
    script = (
        "import pathlib, sys, time\n"
        "from devstack.processes.child import ChildProcess, ProcessSpec\n"
        "log, *command = sys.argv[1:]\n"
        "ChildProcess(ProcessSpec(name='child', command=tuple(command), environment={}, log=pathlib.Path(log)))\n"
        "time.sleep(60)"
    )
    command = (sys.executable, "-c", script, str(spec.log), *spec.command)
    parent_spec = type(spec)(name="parent", command=command, environment={}, log=spec.log.with_name("parent.log"))
    parent = ChildProcess(parent_spec)
    wait_until(scripts.ready_file("child").exists)
    parent.send(signal.SIGKILL)
    wait_until(lambda: not scripts.alive())
    parent.kill()
