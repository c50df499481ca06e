"""One connection to a provider: requests go out, one at a time, and httptools parses what comes back into the current reply."""

import asyncio
from typing import Protocol, cast

import httptools

from edge_proxy.cork import Cork, Corked
from edge_proxy.deadlines import NEVER
from edge_proxy.upstream.errors import ReadTimeout, TransportBroken, TransportError
from edge_proxy.upstream.http1.reply import Reply
from edge_proxy.upstream.http1.request import Origin


class Owner(Protocol):
    """The pool, as its connections see it."""

    cork: Cork
    read_timeout_s: float

    def opened(self, connection: "Connection") -> None: ...

    def idle(self, connection: "Connection") -> None:
        """The reply is complete, and the connection may carry another."""
        ...

    def gone(self, connection: "Connection") -> None:
        """The connection has ended."""
        ...


class Connection(Corked, asyncio.Protocol):
    """`origin` is where it leads to. `deadline`, in the loop's time: when it has been silent, or idle, for too long."""

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner, origin: Origin) -> None:
        super().__init__(owner.cork)
        self.origin = origin
        self.deadline = NEVER
        self._loop = loop
        self._owner = owner
        self._parser = httptools.HttpResponseParser(self)
        self._reply: Reply | None = None
        self._informational = False
        self._reusable = False

    def ask(self, request: bytes, *, whole: bool) -> Reply:
        """Send a request; the reply is there at once and fills as it arrives."""
        reply = self._reply = Reply(self, self._loop, whole=whole)
        self._reusable = False
        self.deadline = self._loop.time() + self._owner.read_timeout_s
        if self.transport.is_closing():
            self._fail(TransportBroken("the provider closed the connection"))
        else:
            self.write(request)
        return reply

    def expire(self) -> None:
        """The deadline has passed."""
        self._fail(ReadTimeout("the provider was silent for too long"))

    def abort(self) -> None:
        self.transport.abort()

    # Back-pressure. A provider that may not send is not silent.

    def pause(self) -> None:
        self.transport.pause_reading()
        self.deadline = NEVER

    def resume(self) -> None:
        self.deadline = self._loop.time() + self._owner.read_timeout_s
        self.transport.resume_reading()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one without inheriting from it
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._reply is None:
            self.abort()  # nobody asked
            return
        self.deadline = self._loop.time() + self._owner.read_timeout_s
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(TransportBroken(f"the provider's reply is not HTTP: {error}"))
        else:
            self._let_go_if_done()

    def _let_go_if_done(self) -> None:
        if self._reply is not None:
            return
        if self._reusable:
            self.transport.resume_reading()
            self._owner.idle(self)
        else:
            self.abort()

    def eof_received(self) -> None:
        """The provider sends no more: the proper end of a reply without a length, else a broken one."""
        reply = self._reply
        if reply is not None and reply.status and not _has_length(reply):
            self._reply = None
            reply.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.gone(self)
        self._fail(TransportBroken(f"the connection to the provider ended: {exc!r}"))

    # Called by the parser.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._current().headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        self._informational = status < 200
        if self._informational:
            self._current().headers.clear()
        else:
            self._reusable = self._parser.should_keep_alive()
            self._current().begin(status)

    def on_body(self, body: bytes) -> None:
        self._current().feed(body)

    def on_message_complete(self) -> None:
        if not self._informational:
            reply, self._reply = self._current(), None
            reply.end()

    def _current(self) -> Reply:
        if self._reply is None:
            raise TransportBroken("more than one reply")
        return self._reply

    def _fail(self, error: TransportError) -> None:
        self.transport.abort()
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.end(error)


def _has_length(reply: Reply) -> bool:
    return any(name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in reply.headers)
