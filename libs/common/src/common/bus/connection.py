"""The process's one connection to NATS. It connects in the background and reconnects for ever.

Failure policy: nothing here stops a process whose NATS is away. Whoever needs NATS awaits `connected()` with a timeout of its
own, or asks `is_connected` and has something else to do. `omg_nats_connected` and `omg_nats_disconnects_total` tell.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.client import JetStreamContext
from prometheus_client import Counter, Gauge

from common.logging import get_logger

_RETRY_S: Final = 0.25
_REQUEST_TIMEOUT_S: Final = 5.0

_log = get_logger(__name__)
_connected_gauge = Gauge("omg_nats_connected", "Whether this process is connected to NATS.")
_disconnects = Counter("omg_nats_disconnects_total", "Times the connection to NATS was lost.")


class BusUnavailableError(Exception):
    """NATS is not reachable within the caller's patience."""


class Bus:
    """A connection that is opened by `start`, and tells listeners each time it is (re)established."""

    def __init__(self, *, url: str, name: str) -> None:
        self._servers = [part.strip() for part in url.split(",")]
        self._name = name
        self._client = Client()
        self._opened = False
        self._jetstream: JetStreamContext | None = None
        self._up = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        self._connecting: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        return self._up.is_set() and self._client.is_connected

    @property
    def client(self) -> Client:
        return self._client

    def jetstream(self) -> JetStreamContext:
        """The JetStream API of this connection, with a bounded wait per request; valid once connected, and over reconnects."""
        if self._jetstream is None:
            self._jetstream = self._client.jetstream(timeout=_REQUEST_TIMEOUT_S)
        return self._jetstream

    def on_connect(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every connect and reconnect, at once if connected now."""
        self._listeners.append(listener)
        if self.is_connected:
            listener()

    async def start(self) -> None:
        """Begin connecting; returns at once."""
        self._connecting = asyncio.create_task(self._connect(), name="nats-connect")

    async def connected(self, *, timeout: float | None = None) -> None:
        """Wait until connected. Raises `BusUnavailableError` when `timeout` seconds pass first."""
        try:
            async with asyncio.timeout(timeout):
                await self._up.wait()
        except TimeoutError:
            raise BusUnavailableError("NATS is not reachable") from None

    async def ping(self) -> None:
        """A readiness check, without a round trip. Raises `BusUnavailableError` when not connected."""
        if not self.is_connected:
            raise BusUnavailableError("NATS is not reachable")

    async def close(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        # Also while it is looking for its server: a client that is left open goes on looking for ever.
        if self._opened and not self._client.is_closed:
            with suppress(OSError):  # the server had hung up already
                await self._client.close()
        self._up.clear()

    async def _connect(self) -> None:
        while True:
            try:
                self._client = await nats.connect(
                    servers=self._servers,
                    name=self._name,
                    connect_timeout=2,
                    reconnect_time_wait=_RETRY_S,
                    max_reconnect_attempts=-1,
                    allow_reconnect=True,
                    ping_interval=10,
                    max_outstanding_pings=2,
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_reconnected,
                )
                break
            except (OSError, NatsError, TimeoutError):
                await asyncio.sleep(_RETRY_S)
        self._opened = True
        self._jetstream = None
        self._announce()

    def _announce(self) -> None:
        _connected_gauge.set(1)
        self._up.set()
        for listener in self._listeners:
            listener()

    async def _on_error(self, error: Exception) -> None:
        _log.warning("nats", error=repr(error))

    async def _on_disconnected(self) -> None:
        _connected_gauge.set(0)
        _disconnects.inc()
        self._up.clear()

    async def _on_reconnected(self) -> None:
        self._announce()
