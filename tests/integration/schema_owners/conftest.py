"""The three services that today own a schema and serve their health, started as processes, as anybody would."""

import asyncio
import base64
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from devstack.ports import LOOPBACK, free_port
from devstack.processes.child import ChildProcess, ProcessSpec


@dataclass(frozen=True)
class Owner:
    """A service, the schema it owns and the table in it."""

    package: str
    schema: str
    table: str
    others: tuple[str, ...] = ()
    """Further tables of the schema."""


_KEYS = "test:" + base64.b64encode(b"k" * 32).decode()

OWNERS = (
    Owner("alerts", "alerts", "deliveries", ("alerts", "attempts")),
    Owner("batch_runner", "batches", "batches"),
    Owner("file_service", "files", "files"),
)


@pytest.fixture(params=OWNERS, ids=[owner.package for owner in OWNERS])
def owner(request: pytest.FixtureRequest) -> Owner:
    found: Owner = request.param
    return found


def environment(**variables: str) -> dict[str, str]:
    """Only what a container would have."""
    return {"PATH": os.environ["PATH"], "OMG_LISTEN_HOST": LOOPBACK, "OMG_ENCRYPTION_KEYS": _KEYS, **variables}


@pytest.fixture
def migrate() -> Callable[..., subprocess.Popen[str]]:
    """`python -m <package> migrate`, started and not waited for."""

    def start(package: str, database_url: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", package, "migrate"],
            env=environment(DATABASE_URL=database_url),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


class RunningService:
    """`python -m <package> serve`, and a client that talks to it."""

    def __init__(self, package: str, *, database_url: str, nats_url: str, log: Path, **variables: str) -> None:
        port = free_port()
        self.log = log
        self.process = ChildProcess(
            ProcessSpec(
                name=package,
                command=(sys.executable, "-m", package, "serve"),
                environment=environment(
                    DATABASE_URL=database_url, NATS_URL=nats_url, OMG_LISTEN_PORT=str(port), **variables
                ),
                log=log,
            )
        )
        self.client = httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", timeout=10)

    async def until(self, path: str, status: int, *, seconds: float = 20) -> httpx.Response:
        """Ask again until the answer has this status. Fails with the service's log."""
        answer: httpx.Response | None = None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                answer = await self.client.get(path)
            except httpx.TransportError:
                pass
            else:
                if answer.status_code == status:
                    return answer
            await asyncio.sleep(0.05)
        said = answer.text if answer is not None else "nothing"
        raise AssertionError(f"{path} was not {status} after {seconds} s, it said {said}; log:\n{self.log.read_text()}")


StartService = Callable[..., RunningService]


@pytest.fixture
async def start_service(tmp_path: Path) -> AsyncIterator[StartService]:
    started: list[RunningService] = []

    def start(package: str, *, database_url: str, nats_url: str, **variables: str) -> RunningService:
        log = tmp_path / "service.log"
        service = RunningService(package, database_url=database_url, nats_url=nats_url, log=log, **variables)
        started.append(service)
        return service

    yield start
    for service in started:
        service.process.kill()
        await service.client.aclose()
