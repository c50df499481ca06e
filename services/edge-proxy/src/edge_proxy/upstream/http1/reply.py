"""A reply while it arrives: its connection fills it, the pipeline reads it.

A reply wanted whole wakes its reader once, when it is complete; a streamed one with its head, and then whenever something came.
A reader that lags behind pauses the connection, so that a slow client slows the provider.
"""

import asyncio
from typing import Final, Protocol

from edge_proxy.upstream.errors import TransportError

_PAUSE_ABOVE_BYTES: Final = 256 * 1024


class Source(Protocol):
    """The connection, as its reply sees it."""

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def abort(self) -> None: ...


class Reply:
    """What `upstream.transport.UpstreamResponse` promises, once `arrived` has returned."""

    __slots__ = (
        "_body",
        "_buffered",
        "_complete",
        "_error",
        "_loop",
        "_source",
        "_waiter",
        "_whole",
        "headers",
        "status",
    )

    def __init__(self, source: Source, loop: asyncio.AbstractEventLoop, *, whole: bool) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._source = source
        self._loop = loop
        self._whole = whole
        self._body: list[bytes] = []
        self._buffered = 0
        self._complete = False
        self._error: TransportError | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def arrived(self) -> None:
        """The head is there, or all of it if it is wanted whole. Raises `TransportError`."""
        while not (self._complete or (self.status and not self._whole)):
            await self._news()
        if self._error is not None and (self._whole or not self.status):
            raise self._error

    def header(self, name: str) -> str | None:
        wanted = name.encode("latin-1")
        for key, value in self.headers:
            if len(key) == len(wanted) and key.lower() == wanted:
                return value.decode("latin-1")
        return None

    async def read(self) -> bytes:
        parts = []
        while (part := await self.chunk()) is not None:
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def chunk(self) -> bytes | None:
        while not (self._body or self._complete):
            await self._news()
        if self._body:
            return self._take()
        if self._error is not None:
            raise self._error
        return None

    async def close(self) -> None:
        if not self._complete:
            self._source.abort()

    def begin(self, status: int) -> None:
        """The head is complete."""
        self.status = status
        if not self._whole:
            self._wake()

    def feed(self, data: bytes) -> None:
        """More of the body came."""
        self._body.append(data)
        if not self._whole:
            self._buffered += len(data)
            if self._buffered > _PAUSE_ABOVE_BYTES:
                self._source.pause()
            self._wake()

    def end(self, error: TransportError | None = None) -> None:
        """Nothing more comes; without an error the reply is complete."""
        self._complete = True
        self._error = error
        self._wake()

    async def _news(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _take(self) -> bytes:
        body, self._body = self._body, []
        if self._buffered > _PAUSE_ABOVE_BYTES and not self._complete:
            self._source.resume()
        self._buffered = 0
        return body[0] if len(body) == 1 else b"".join(body)
