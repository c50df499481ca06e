"""`omg up` as its users run it: a process, its output, Ctrl-C. One installation lives through all of it, step by step."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from devstack.ports import free_port
from devstack.servers.small_model import is_installed

pytestmark = [
    pytest.mark.skipif(not is_installed(), reason="the wheels of the small model are not installed"),
    pytest.mark.timeout(300),
]

START_SECONDS = 90
STOP_SECONDS = 10


class Installation:
    """A folder to run `omg` in, with the portal replaced by a page of our own, so that nothing is built."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / ".omg"
        self.output = folder / "output.txt"
        portal = folder / "portal"
        portal.mkdir()
        (portal / "index.html").write_text("<!doctype html><title>a portal</title>")
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
        self.environment = {**kept, "OMG_PORTAL_DIR": str(portal)}
        # The preferred ports may belong to somebody's real stack on this machine.
        self.ports = ["--gateway-port", str(free_port()), "--portal-port", str(free_port())]
        self.process: subprocess.Popen[bytes] | None = None

    def omg(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A short command, to its end."""
        command = (sys.executable, "-m", "devstack.cli", *arguments)
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=100, check=False
        )

    def start(self, seconds: float = START_SECONDS) -> str:
        """`omg up` until it says that it is ready; returns what it said."""
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                (sys.executable, "-m", "devstack.cli", "up", *self.ports),
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.until_said("Ctrl-C stops everything", seconds)

    def until_said(self, text: str, seconds: float) -> str:
        deadline = time.monotonic() + seconds
        while text not in (said := self.output.read_text()):
            assert self.process is not None
            assert self.process.poll() is None, f"omg up ended:\n{said}"
            assert time.monotonic() < deadline, f"omg up never said {text!r}:\n{said}"
            time.sleep(0.05)
        return said

    def children(self) -> list[psutil.Process]:
        """All processes of the running stack."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def pid(self, name: str) -> int:
        """The process id of one of them, from the register."""
        entries: list[dict[str, Any]] = json.loads((self.data / "processes.json").read_text())
        return next(int(entry["pid"]) for entry in entries if entry["name"] == name)

    def end(self, number: signal.Signals) -> float:
        """Signal `omg up` and wait for its end; returns how long that took."""
        assert self.process is not None
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(STOP_SECONDS + 20)
        return time.monotonic() - begun


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end(signal.SIGTERM)


def test_the_life_of_an_installation(installation: Installation) -> None:
    """One test, because each first start costs seconds of two cores."""
    said = installation.start()
    check_the_printed_curl_line_streams_an_answer(said)
    check_the_portal_is_where_it_says(said)
    check_secrets_are_kept_and_shown_with_care(installation, said)
    check_a_second_one_on_the_same_data_is_refused(installation, said)
    check_what_is_killed_comes_back(installation, said)
    check_demo_data_arrives_in_the_ledger(installation)
    check_ctrl_c_stops_everything(installation)
    check_the_next_start_finds_the_data_and_a_kill_leaves_no_child(installation, said)
    check_it_starts_after_a_kill_and_a_signal_during_a_start_leaves_nothing(installation)
    check_reset_takes_it_all_away(installation)


def gone(processes: list[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    """Those of `processes` that still run after `seconds`; a zombie that init has not reaped yet does not run."""

    def runs(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    deadline = time.monotonic() + seconds
    while (left := [process for process in processes if runs(process)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def curl_of(said: str) -> str:
    return next(line for line in said.splitlines() if line.startswith("curl "))


def call(said: str) -> httpx.Response:
    """Make the call of the printed curl line."""
    words = shlex.split(curl_of(said))
    headers = dict(words[index + 1].split(": ", 1) for index, word in enumerate(words) if word == "-H")
    body = words[words.index("-d") + 1]
    url = next(word for word in words if word.startswith("http://"))
    return httpx.post(url, headers=headers, content=body, timeout=60)


def portal_get(said: str, path: str) -> httpx.Response:
    line = next(line for line in said.splitlines() if line.startswith("Portal:"))
    return httpx.get(line.split()[-1] + path, timeout=30)


def check_the_printed_curl_line_streams_an_answer(said: str) -> None:
    answer = call(said)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.rstrip().endswith("data: [DONE]")


def check_the_portal_is_where_it_says(said: str) -> None:
    assert "<title>a portal</title>" in portal_get(said, "/").text
    assert portal_get(said, "/openapi.json").json()["paths"]


def check_secrets_are_kept_and_shown_with_care(installation: Installation, said: str) -> None:
    assert (installation.data / "secrets.json").stat().st_mode & 0o777 == 0o600
    secrets = json.loads((installation.data / "secrets.json").read_text())
    assert secrets["demo_api_key"] in said
    assert secrets["admin_password"] in said
    for hidden in ("postgres_password", "redis_password", "nats_password", "key_hash_secret", "encryption_keys"):
        assert secrets[hidden] not in said
    for log in (installation.data / "logs").iterdir():
        text = log.read_text()
        assert not [name for name, secret in secrets.items() if isinstance(secret, str) and secret in text], log.name


def check_a_second_one_on_the_same_data_is_refused(installation: Installation, said: str) -> None:
    for arguments in (["up"], ["reset", "--yes"]):
        second = installation.omg(*arguments)
        assert second.returncode == 1
        assert "omg is already running on" in second.stderr
    assert call(said).status_code == 200


def check_what_is_killed_comes_back(installation: Installation, said: str) -> None:
    for name in ("alerts", "postgres"):
        os.kill(installation.pid(name), signal.SIGKILL)
        output = installation.until_said(f"{name} is ready again", 30)
        assert f"{name} ended unexpectedly (killed by SIGKILL); restarting it" in output
    deadline = time.monotonic() + 20
    while (ready := portal_get(said, "/readyz")).status_code != 200:
        assert time.monotonic() < deadline, ready.text
        time.sleep(0.1)


def check_demo_data_arrives_in_the_ledger(installation: Installation) -> None:
    run = installation.omg("demo-data", "--days", "2")
    assert run.returncode == 0, run.stderr
    assert "the ledger has them" in run.stdout


def check_ctrl_c_stops_everything(installation: Installation) -> None:
    processes = installation.children()
    assert len(processes) > 10
    assert installation.end(signal.SIGINT) < STOP_SECONDS
    assert installation.process is not None
    assert installation.process.returncode == 0
    assert gone(processes, seconds=0) == []
    assert "Traceback" not in installation.output.read_text()


def check_the_next_start_finds_the_data_and_a_kill_leaves_no_child(installation: Installation, first_said: str) -> None:
    said = installation.start()
    assert said.count("up to date") == 4
    assert "unchanged" in said
    assert curl_of(said) == curl_of(first_said)
    assert call(said).status_code == 200
    processes = installation.children()
    installation.end(signal.SIGKILL)
    assert gone(processes, seconds=5) == []


def check_it_starts_after_a_kill_and_a_signal_during_a_start_leaves_nothing(
    installation: Installation,
) -> None:
    assert call(installation.start()).status_code == 200
    assert installation.end(signal.SIGHUP) < STOP_SECONDS
    with pytest.raises(AssertionError, match="never said"):
        installation.start(seconds=1.5)
    processes = installation.children()
    assert processes
    assert installation.end(signal.SIGTERM) < STOP_SECONDS
    assert gone(processes, seconds=0) == []


def check_reset_takes_it_all_away(installation: Installation) -> None:
    asked = installation.omg("reset")
    assert asked.returncode == 1
    assert installation.data.exists()
    run = installation.omg("reset", "--yes")
    assert run.returncode == 0, run.stderr
    assert not installation.data.exists()
    assert "nothing to delete" in installation.omg("reset", "--yes").stdout
