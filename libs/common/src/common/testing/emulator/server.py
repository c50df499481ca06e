"""The emulator on a port: uvicorn's HTTP protocol on the running loop, without uvicorn's server, which takes the process's signals.

It stops at once, whatever calls are under way; their clients see the connection break.
"""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from common.testing.emulator.app import EmulatorApp
from common.testing.emulator.calls import Call, Calls
from common.testing.emulator.exchange import TRANSPORT

_BACKLOG: Final = 2048
# Longer than any client keeps an idle connection: the emulator must not be the one that closes it under a request.
_KEEP_ALIVE_S: Final = 300


class _Protocol(HttpToolsProtocol):
    """Lets the app reach the connection, to reset it."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]


class Emulator:
    """`async with Emulator() as emulator:` serves on a free port of the loopback interface, or on `port`.

    `url` has no path, `base_url` is what an SDK or a route takes (`…/v1`). `api_key`: the only one accepted, any when None.
    `allow_unknown`: fields the SDK does not know are noted in `Call.unknown_fields` instead of being refused. `call_file`,
    `keep_calls` and `keep_bodies`: see `calls.Calls`.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str | None = None,
        allow_unknown: bool = False,
        call_file: Path | None = None,
        keep_calls: int | None = None,
        keep_bodies: bool = True,
    ) -> None:
        self._host = host
        self._port = port
        self._call_file = call_file
        self._keep_calls = keep_calls
        self._keep_bodies = keep_bodies
        self._api_key = api_key
        self._allow_unknown = allow_unknown
        self._state = ServerState()
        self._calls: Calls
        self._server: asyncio.Server

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def calls(self) -> list[Call]:
        """The calls that reached it, oldest first."""
        return self._calls.all()

    def count(self) -> dict[str, int]:
        """See `Calls.count`."""
        return self._calls.count()

    def clear(self) -> None:
        """Forgets the calls."""
        self._calls.clear()

    async def wait_ended(self, number: int = 1, *, timeout: float = 5) -> list[Call]:
        """The calls, once at least `number` have arrived and all have ended. Raises `TimeoutError`."""
        return await self._calls.wait_ended(number, timeout=timeout)

    async def __aenter__(self) -> Self:
        self._calls = Calls(keep=self._keep_calls, bodies=self._keep_bodies, file=self._call_file)
        app = EmulatorApp(calls=self._calls, api_key=self._api_key, allow_unknown=self._allow_unknown)
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        config.load()
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Protocol(config=config, server_state=self._state, app_state={}),
            host=self._host,
            port=self._port,
            backlog=_BACKLOG,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in list(self._state.connections):
            connection.transport.abort()
        while self._state.tasks:
            await asyncio.wait(self._state.tasks)
        await self._server.wait_closed()
        self._calls.close()
