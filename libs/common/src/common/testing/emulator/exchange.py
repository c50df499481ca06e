"""One request and its answer on the connection: reads, writes, notices that the client has gone, and can reset the connection."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any, Final, Self

from common.testing.emulator.calls import Call

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TRANSPORT: Final = "emulator.transport"
"""The name under which the server puts the connection's transport into the scope's extensions."""

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class ClientGone(Exception):
    """The client closed the connection before the answer was complete."""


class Exchange:
    """As a context it stops watching the client at its end."""

    def __init__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send, call: Call) -> None:
        self._transport: asyncio.Transport = scope["extensions"][TRANSPORT]
        self._receive = receive
        self._send = send
        self._call = call
        self._gone = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])

    async def body(self) -> bytes:
        """The request's body. Raises `ClientGone`; what had come by then is in the call."""
        parts: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._call.raw_body = b"".join(parts)
                raise ClientGone
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._call.raw_body = b"".join(parts)
                return self._call.raw_body

    async def pause(self, seconds: float | None) -> None:
        """Waits, for ever when None. Raises `ClientGone` as soon as the client has gone."""
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())
            await asyncio.sleep(0)
        if seconds != 0 and not self._gone.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self._gone.wait()
            except TimeoutError:
                return
        else:
            await asyncio.sleep(0)
        if self._gone.is_set():
            raise ClientGone

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Raises `ClientGone`: an answer to nobody must not count as given."""
        if self._transport.is_closing():
            raise ClientGone
        self._call.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes, *, last: bool = False) -> None:
        """Sends a piece of the body, as one piece of a chunked one. Waits while the client is slow."""
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})
        self._call.bytes_sent += len(data)

    def reset(self) -> None:
        """Ends the connection with a TCP reset."""
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    async def close(self) -> None:
        """Ends the connection in order, in the middle of the answer, once what was written has left."""
        self._transport.close()
        try:
            await self.pause(None)
        except ClientGone:
            return

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()
