"""The transport on our own HTTP/1.1 client: connections by origin, the last used first."""

import asyncio
import ssl
from collections import defaultdict
from typing import Final

from edge_proxy.cork import Cork
from edge_proxy.deadlines import Deadlines
from edge_proxy.upstream.errors import ConnectFailed, ConnectTimeout
from edge_proxy.upstream.http1.connection import Connection
from edge_proxy.upstream.http1.reply import Reply
from edge_proxy.upstream.http1.request import Origin, read_url, render
from edge_proxy.upstream.transport import UpstreamRequest

# Shorter than what servers usually grant, so that it is rarely the provider who closes an idle connection.
_IDLE_S: Final = 50.0


class Http1Transport:
    """Failure policy: every error becomes one of `upstream.errors`; nothing is sent twice.

    It is made inside the running loop.
    """

    def __init__(self, *, connect_timeout_s: float, read_timeout_s: float) -> None:
        self.read_timeout_s = read_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._loop = asyncio.get_running_loop()
        self.cork = Cork(self._loop)
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._connections: set[Connection] = set()
        self._deadlines = Deadlines(self._loop, self._connections, shortest_s=read_timeout_s)
        self._tls = ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])

    async def send(self, request: UpstreamRequest) -> Reply:
        target = read_url(request.url)
        data = render(request, target)
        idle = self._idle[target.origin]
        connection = idle.pop() if idle else await self._connect(target.origin)
        reply = connection.ask(data, whole=not request.stream)
        try:
            await reply.arrived()
        except asyncio.CancelledError:
            connection.abort()
            raise
        return reply

    async def close(self) -> None:
        self._deadlines.close()
        for connection in self._connections:
            connection.abort()

    def opened(self, connection: Connection) -> None:
        self._connections.add(connection)

    def idle(self, connection: Connection) -> None:
        connection.deadline = self._loop.time() + _IDLE_S
        self._idle[connection.origin].append(connection)

    def gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        idle = self._idle[connection.origin]
        if connection in idle:
            idle.remove(connection)

    async def _connect(self, origin: Origin) -> Connection:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self._loop, self, origin),
                    origin.host,
                    origin.port,
                    ssl=self._tls if origin.tls else None,
                )
        except TimeoutError:
            raise ConnectTimeout(f"no connection to {origin.host} in time") from None
        except (OSError, UnicodeError) as error:
            raise ConnectFailed(f"no connection to {origin.host}: {error!r}") from error
        return connection
