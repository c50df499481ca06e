"""Listening, and stopping without dropping anybody: the answers under way end first, for as long as they are given."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from edge_proxy.cork import Cork
from edge_proxy.deadlines import Deadlines
from edge_proxy.server.client import Client
from edge_proxy.server.connection import Connection, Limits

_BACKLOG: Final = 2048
_SHORTEST_S: Final = 5.0


class Server:
    """Answers every request with `answer`, each in a task of its own that outlives its client's connection."""

    def __init__(self, answer: Callable[[Client], Coroutine[Any, Any, None]], *, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.answer = answer
        self.draining = False
        self._loop = asyncio.get_running_loop()
        self.cork = Cork(self._loop)
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadlines = Deadlines(self._loop, self._connections, shortest_s=min(_SHORTEST_S, self.limits.head))
        self._listener: asyncio.Server

    async def start(self, *, host: str, port: int) -> None:
        """Raises `OSError` when the port cannot be had."""
        self._listener = await self._loop.create_server(
            lambda: Connection(self._loop, self), host, port, backlog=_BACKLOG
        )

    async def stop(self, *, grace_s: float, delay_s: float = 0) -> None:
        """Let requests under way end for `grace_s` seconds, and take no more.

        For `delay_s` seconds before, while load balancers have not heard of it, requests are still taken, each as the last one of
        its connection: a connection that is closed while nobody answers on it may have a request on its way.
        """
        self.draining = True
        await asyncio.sleep(delay_s)
        self._listener.close()
        for connection in list(self._connections):
            if connection.is_idle:
                connection.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        for connection in list(self._connections):
            connection.close()
        self._deadlines.close()

    def opened(self, connection: Connection) -> None:
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)

    def start_answer(self, client: Client) -> None:
        task = self._loop.create_task(self.answer(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
