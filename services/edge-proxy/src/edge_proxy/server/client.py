"""The client's end of a call: its request as it comes in, its answer as it goes out, and the news that it has gone."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Protocol

from prometheus_client import Counter

from common.ids import new_id
from edge_proxy.errors import BodyTooLarge, EdgeError
from edge_proxy.server.encodings import check_encoding, unpacked

Headers = list[tuple[bytes, bytes]]
"""Names in lower case."""

_errors: Final = Counter("omg_edge_errors_total", "Errors that clients were told, by their class.", ["error"])

_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_STATUS_LINES: Final = {
    status: f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode() for status in range(200, 600)
}
# Proxies in between must neither store nor collect a stream.
_STREAM_HEADERS: Final = (
    b"content-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache, no-transform\r\n"
    b"x-accel-buffering: no\r\n"
)
_PAUSE_ABOVE_BYTES: Final = 256 * 1024
_UNPACKED_AT_ONCE: Final = 4 * 1024
"""More could hold up the others: it may become a thousand times as much."""


class ClientGone(Exception):
    """The client closed its connection before the answer was complete."""


class Connection(Protocol):
    """The connection, as its client sees it."""

    loop: asyncio.AbstractEventLoop
    stalled: bool

    @property
    def peer(self) -> str: ...

    def write(self, data: bytes) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def abort(self) -> None: ...

    def answered(self, client: "Client") -> None:
        """The answer is complete."""
        ...


class Client:
    """One request and its answer. Exactly one of `reply`, `error` or `write … finish` answers it; then it is `answered`.

    `keep_alive`: the connection may carry another request afterwards. `on_gone` is called when the client closes its
    connection before it has its whole answer.
    """

    __slots__ = (
        "_body",
        "_chunked",
        "_connection",
        "_extra",
        "_failure",
        "_size",
        "_waiter",
        "answered",
        "complete",
        "expects_continue",
        "gone",
        "headers",
        "keep_alive",
        "method",
        "on_gone",
        "path",
        "request_id",
        "started",
        "streaming",
    )

    def __init__(
        self, connection: Connection, *, method: bytes, path: str, headers: Headers, keep_alive: bool, chunked: bool
    ) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.keep_alive = keep_alive
        self.request_id = new_id("req")
        self.answered = False
        self.complete = False
        self.expects_continue = False
        self.gone = False
        self.started = False
        self.streaming = False
        self.on_gone: Callable[[], None] | None = None
        self._connection = connection
        self._chunked = chunked
        self._body: list[bytes] = []
        self._extra = b""
        self._failure: Exception | None = None
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None

    def header(self, name: bytes) -> bytes | None:
        """The first header of that name, which is in lower case."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    async def body(self, *, limit: int) -> bytes:
        """The request's body, unpacked. `limit` holds for both, as it comes and unpacked.

        Raises `BodyTooLarge`, early when its size is announced; `UnsupportedEncoding`; `InvalidRequest`; `RequestTimeout`;
        `ClientGone`.
        """
        encoding = None
        for name, value in self.headers:
            if name == b"content-length" and int(value) > limit:
                raise BodyTooLarge(f"The request body is larger than {limit} bytes.")
            if name == b"content-encoding" and value != b"identity":
                check_encoding(value)
                encoding = value
        while not self.complete and self._size <= limit:
            if self._failure is not None:
                raise self._failure
            if self.expects_continue:
                self.expects_continue = False
                self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._connection.resume()
            await self._news()
        if self._size > limit:
            raise BodyTooLarge(f"The request body is larger than {limit} bytes.")
        parts, self._body = self._body, []
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        if encoding is None:
            return body
        if len(body) < _UNPACKED_AT_ONCE:
            return unpacked(body, limit=limit)
        return await asyncio.to_thread(unpacked, body, limit=limit)

    def add_header(self, name: bytes, value: bytes) -> None:
        """One more for the answer, whichever it will be."""
        self._extra += b"%b: %b\r\n" % (name, value)

    def add_lines(self, lines: bytes) -> None:
        """Several, as they go out."""
        self._extra += lines

    def reply(
        self, status: int, body: bytes, *headers: tuple[bytes, bytes], content_type: bytes = b"application/json"
    ) -> None:
        """The whole answer."""
        self.started = True
        self.keep_alive = self.keep_alive and self.complete
        for header in headers:
            self.add_header(*header)
        self._connection.write(
            b"%bcontent-type: %b\r\ncontent-length: %d\r\nx-request-id: %b\r\n%b%b\r\n%b"
            % (
                _STATUS_LINES[status],
                content_type,
                len(body),
                self.request_id.encode(),
                self._extra,
                b"" if self.keep_alive else b"connection: close\r\n",
                b"" if self.method == b"HEAD" else body,
            )
        )
        self.answered = True
        self._connection.answered(self)

    def error(self, error: EdgeError) -> None:
        """As a reply, or as a last event when a stream has begun."""
        _errors.labels(type(error).__name__).inc()
        if self.streaming:
            self.write(b"data: " + error.body() + b"\n\n")
            self.finish()
        else:
            self.reply(error.http_status, error.body(), *error.headers)

    def write(self, data: bytes) -> None:
        """A stream's next bytes; the head goes out with the first, so that a failure before them still has a status."""
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self._connection.write(data if self.started else self._stream_head() + data)

    def finish(self) -> None:
        """The end of a stream."""
        end = b"0\r\n\r\n" if self._chunked else b""
        self._connection.write(end if self.started else self._stream_head() + end)
        self.answered = True
        self._connection.answered(self)

    @property
    def peer(self) -> str:
        """The address at the other end of the connection, perhaps a proxy's; empty when it is not known any more."""
        return self._connection.peer

    @property
    def stalled(self) -> bool:
        """The connection takes no more at the moment: `drained` says when it does. Who writes on fills memory."""
        return self._connection.stalled

    async def drained(self) -> None:
        while self._connection.stalled and not self.gone:
            await self._news()

    def _stream_head(self) -> bytes:
        self.started = self.streaming = True
        self.keep_alive = self.keep_alive and self.complete and self._chunked
        return b"".join(
            (
                _STATUS_LINES[HTTPStatus.OK],
                _STREAM_HEADERS,
                b"x-request-id: %b\r\n" % self.request_id.encode(),
                self._extra,
                b"transfer-encoding: chunked\r\n" if self._chunked else b"",
                b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n",
            )
        )

    async def _news(self) -> None:
        self._waiter = self._connection.loop.create_future()
        await self._waiter

    def cut_off(self) -> None:
        """Close the connection in the middle of an answer."""
        self._connection.abort()

    # The connection's side.

    def feed(self, data: bytes) -> None:
        """More of the request's body."""
        self._body.append(data)
        self._size += len(data)
        if self._waiter is not None:
            self.wake()
        elif self._size > _PAUSE_ABOVE_BYTES:
            self._connection.pause()  # nobody reads it yet

    def end(self) -> None:
        """The request is complete."""
        self.complete = True
        self.wake()

    def wake(self) -> None:
        """Something changed for whoever waits."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def fail(self, reason: Exception) -> None:
        """The request will not be complete."""
        self._failure = reason
        self.wake()

    def lost(self) -> None:
        """The client has closed its connection."""
        self.gone = True
        self.fail(ClientGone())
        if self.on_gone is not None:
            self.on_gone()
