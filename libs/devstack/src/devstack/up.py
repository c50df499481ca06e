"""`omg up`: everything from nothing to a printed curl line, and then the watch until somebody stops it."""

import asyncio
import os
import signal
import sys
import termios
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.console import Console

from devstack import commands, portal
from devstack.applied import Applied
from devstack.data_folder import DataFolder, DataFolderError
from devstack.ports import choose_ports
from devstack.processes.supervisor import Program, Supervisor, end_leftovers
from devstack.progress import Progress
from devstack.provision import provision
from devstack.secrets_file import load_or_create
from devstack.servers import NatsServer, PostgresServer, Server, SmallModelServer, ValkeyServer
from devstack.servers.small_model import is_installed
from devstack.services import SERVICES, Backends, Service, gateway_url, served_aliases, service_program
from devstack.upstreams import catalog, configured_upstreams
from devstack.welcome import print_welcome

_FREE_CHOICE: Final = ("postgres", "valkey", "nats", "small-model", *(service.port for service in SERVICES))
_PREFERRED: Final = {"gateway": 8090, "portal": 8091}
_SERVER_NAMES: Final = (PostgresServer.name, ValkeyServer.name, NatsServer.name)
_IN_FORCE_SECONDS: Final = 5.0
_SERVER_STOP_TIMEOUT: Final = 1.5  # after the services' 8 s: all is gone within 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user chose. Ports of `None` are chosen by us; `environment` is where URLs and provider keys are looked up."""

    data: Path
    environment: Mapping[str, str]
    gateway_port: int | None = None
    portal_port: int | None = None


async def run(options: Options, console: Console) -> None:
    """Start, watch, and stop on SIGINT, SIGTERM or SIGHUP. Raises `DevstackError` when the start fails; nothing runs then."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=16, thread_name_prefix="devstack"))
    with DataFolder(options.data) as data:
        stack = _Stack(options, data, console)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                loop.add_signal_handler(number, _on_signal, number, stop, stack.supervisor, console)
        starting = asyncio.create_task(stack.start(), name="start")
        asked = asyncio.create_task(stop.wait(), name="stop")
        hangup = asyncio.create_task(_watch_terminal(stop, stack.supervisor, console), name="terminal")
        try:
            await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                _raise_first(starting.exception())
                await asked
        finally:
            starting.cancel()
            hangup.cancel()
            await asyncio.gather(starting, hangup, return_exceptions=True)
            await stack.stop()


def _on_signal(number: signal.Signals, stop: asyncio.Event, supervisor: Supervisor, console: Console) -> None:
    """The first one stops gracefully, the second at once."""
    if number == signal.SIGHUP:  # the terminal is gone, and writing to it would fail
        console.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if stop.is_set():
        supervisor.hurry()
    stop.set()


async def _watch_terminal(stop: asyncio.Event, supervisor: Supervisor, console: Console) -> None:
    """Notice a closed terminal whose SIGHUP went to another process: `make`, when it leads the session, keeps it to itself."""
    if not sys.stdout.isatty() or signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return
    while not stop.is_set():
        try:
            termios.tcgetattr(sys.stdout.fileno())
        except termios.error:
            _on_signal(signal.SIGHUP, stop, supervisor, console)
        await asyncio.sleep(1)


def _raise_first(error: BaseException | None) -> None:
    """Of everything that failed at once, raise what failed first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if error is not None:
        raise error


class _Stack:
    """One run of everything."""

    def __init__(self, options: Options, data: DataFolder, console: Console) -> None:
        self._options = options
        self._data = data
        self._console = console
        self._progress = Progress(console)
        self.supervisor = Supervisor(register=data.processes, say=self._progress.warn)

    async def start(self) -> None:
        """Return when everything is ready and the welcome is printed."""
        options, data, progress = self._options, self._data, self._progress
        self._console.print(
            f"[bold]Open Model Gateway[/bold]  [dim]data in {data.path}[/dim]", soft_wrap=True, highlight=False
        )
        for name in await asyncio.to_thread(end_leftovers, data.processes):
            progress.warn(f"{name} was still running after a kill of its supervisor; ended it")
        if not data.secrets.exists() and (data.postgres / "data").exists():
            raise DataFolderError(
                f"{data.secrets} is missing, and without it the data is locked: restore it, or run `omg reset`"
            )
        self._secrets = load_or_create(data.secrets)
        fixed = {"gateway": options.gateway_port, "portal": options.portal_port}
        self._ports = choose_ports(
            data.ports,
            wanted=dict.fromkeys(_FREE_CHOICE) | _PREFERRED,
            fixed={name: port for name, port in fixed.items() if port is not None},
        )
        async with asyncio.TaskGroup() as tasks:
            portal_folder = tasks.create_task(self._find_portal())
            small_model = tasks.create_task(self._start_small_model())
            urls = await self._start_servers()
            with progress.step("database, roles and schemas"):
                provisioned = await provision(urls[PostgresServer.name], passwords=self._secrets.database_passwords)
            if provisioned.shared_because is not None:
                progress.warn(f"all services share one login to the given Postgres: {provisioned.shared_because}")
            backends = Backends(
                database_urls=provisioned.urls,
                redis_url=urls[ValkeyServer.name],
                nats_url=urls[NatsServer.name],
                secrets=self._secrets,
                data=data,
                ports=self._ports,
                portal_folder=None,
            )
            async with Applied(provisioned.admin_url) as applied, asyncio.TaskGroup() as packages:
                for package in dict.fromkeys(service.package for service in SERVICES):
                    services = [service for service in SERVICES if service.package == package]
                    packages.create_task(self._start_package(services, backends, applied, portal_folder, small_model))
        aliases = [model["alias"] for model in catalog(options.environment, small_model_url=small_model.result())]
        await self._wait_until_in_force(aliases)
        print_welcome(
            self._console,
            ports=self._ports,
            secrets=self._secrets,
            data=data,
            has_portal=portal_folder.result() is not None,
            aliases=aliases,
            providers=[upstream.name for upstream in configured_upstreams(options.environment)],
            seconds=progress.elapsed,
        )

    async def _wait_until_in_force(self, aliases: list[str]) -> None:
        """What the bootstrap wrote travels to the gateway within a second; a person may have taken it away again since."""
        gateway, key = gateway_url(self._ports), self._secrets.demo_api_key
        deadline = time.monotonic() + _IN_FORCE_SECONDS
        while not (served := await asyncio.to_thread(served_aliases, gateway, key)).issuperset(aliases):
            if time.monotonic() > deadline:
                what = ", ".join(sorted(set(aliases) - served))
                self._progress.warn(
                    f"the gateway does not serve {what} with the first key; see API keys and models in the portal"
                )
                return
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """Services first, so that they can still finish their work; then the servers."""
        with self._progress.step("stopping", done="stopped"):
            await self.supervisor.stop(
                [[service.name for service in SERVICES], [*_SERVER_NAMES, SmallModelServer.name]]
            )

    async def _start_servers(self) -> dict[str, str]:
        """Postgres, Valkey and NATS at once, each unless the environment names another; returns their URLs by name."""
        data, ports, secrets = self._data, self._ports, self._secrets
        servers: dict[str, Server] = {
            "DATABASE_URL": PostgresServer(
                data.postgres, port=ports["postgres"], password=secrets.postgres_password, log=data.log("postgres")
            ),
            "REDIS_URL": ValkeyServer(
                data.valkey, port=ports["valkey"], password=secrets.redis_password, log=data.log("valkey")
            ),
            "NATS_URL": NatsServer(data.nats, port=ports["nats"], password=secrets.nats_password, log=data.log("nats")),
        }
        urls: dict[str, str] = {}
        async with asyncio.TaskGroup() as tasks:
            for variable, server in servers.items():
                given = self._options.environment.get(variable, "").strip()
                urls[server.name] = given or server.url
                if given:
                    self._progress.note(f"{server.name}: the one in {variable}, nothing is started")
                else:
                    tasks.create_task(self._start_server(server))
        return urls

    async def _start_server(self, server: Server) -> None:
        with self._progress.step(server.name):
            await asyncio.to_thread(server.prepare)
            await self.supervisor.start(
                Program(spec=server.spec(), is_ready=server.is_ready, stop_timeout=_SERVER_STOP_TIMEOUT)
            )

    async def _start_small_model(self) -> str | None:
        """The URL of the model behind the alias `demo`; `None` where there is no wheel of it."""
        server = SmallModelServer(
            self._data.small_model, port=self._ports["small-model"], log=self._data.log("small-model")
        )
        if not is_installed():
            self._progress.warn("the small model is not installed here, so there is no alias `demo`")
            return None
        await self._start_server(server)
        return server.url

    async def _find_portal(self) -> str | None:
        """The folder of the built portal, built first when it is older than its sources; `None` when there is none."""
        given = self._options.environment.get("OMG_PORTAL_DIR", "").strip()
        if given:
            return given
        sources = portal.find_portal_sources()
        if sources is None:
            self._progress.warn("there is no portal here (the folder portal/ is missing): only the APIs are served")
            return None
        if not portal.is_stale(sources):
            return str(sources / "dist")
        try:
            with self._progress.step("portal, built from its sources"):
                return str(await portal.build(sources, log=self._data.log("portal-build")))
        except portal.PortalError as error:
            self._progress.warn(f"the portal could not be built, so only the APIs are served: {error}")
            return None

    async def _start_package(
        self,
        services: list[Service],
        backends: Backends,
        applied: Applied,
        portal_folder: asyncio.Task[str | None],
        small_model: asyncio.Task[str | None],
    ) -> None:
        """The processes of one service, after its migrations; and with admin-api's the bootstrap."""
        first = services[0]
        if first.role is not None:
            with self._progress.step(f"migrations of {first.name}") as details:
                if not await commands.migrate(first, backends, applied):
                    details.append("up to date")
        if first.package == "admin_api":
            backends = replace(backends, portal_folder=await portal_folder)
        async with asyncio.TaskGroup() as tasks:
            for service in services:
                tasks.create_task(self._start_service(service, backends))
            if first.package == "admin_api":
                tasks.create_task(self._bootstrap(first, backends, applied, small_model))

    async def _start_service(self, service: Service, backends: Backends) -> None:
        with self._progress.step(service.name):
            await self.supervisor.start(service_program(service, backends))

    async def _bootstrap(
        self, service: Service, backends: Backends, applied: Applied, small_model: asyncio.Task[str | None]
    ) -> None:
        models = catalog(self._options.environment, small_model_url=await small_model)
        with self._progress.step("demo tenant, login, API key and models") as details:
            if not await commands.bootstrap(service, backends, applied, models):
                details.append("unchanged")
