"""One client's connection: httptools parses its requests, which are answered one at a time, in order."""

import asyncio
from collections import deque
from typing import Final, Protocol, cast
from urllib.parse import unquote

import httptools
import msgspec

from edge_proxy.cork import Cork, Corked
from edge_proxy.deadlines import NEVER
from edge_proxy.errors import EdgeError, HeadersTooLarge, InvalidRequest, RequestTimeout
from edge_proxy.server.client import Client, Headers

_TOO_LARGE: Final = "The request's headers are too large."


class Limits(msgspec.Struct, frozen=True):
    """Seconds, and bytes. `head` from a request's first byte to its last header; `body` between two pieces of a body."""

    head: float = 10.0
    body: float = 30.0
    keep_alive: float = 75.0
    stalled: float = 60.0
    linger: float = 2.0
    head_bytes: int = 64 * 1024


class Owner(Protocol):
    """The server, as its connections see it."""

    cork: Cork
    limits: Limits
    draining: bool

    def opened(self, connection: "Connection") -> None: ...

    def closed(self, connection: "Connection") -> None: ...

    def start_answer(self, client: Client) -> None: ...


class Connection(Corked, asyncio.Protocol):
    """`deadline`, in the loop's time: when what is awaited of the client must have come. `stalled`: it does not read."""

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner) -> None:
        super().__init__(owner.cork)
        self.loop = loop
        self.deadline = NEVER
        self.stalled = False
        self._owner = owner
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: Headers = []
        self._head_bytes = 0
        self._in_head = False
        self._receiving: Client | None = None
        self._answering: Client | None = None
        self._waiting: deque[Client] = deque()
        self._resuming = False
        self._deaf = False

    @property
    def is_idle(self) -> bool:
        return self._answering is None and self._receiving is None and not self._in_head

    @property
    def peer(self) -> str:
        name = self.transport.get_extra_info("peername")
        return str(name[0]) if name else ""

    # For the client and the server.

    def pause(self) -> None:
        self.transport.pause_reading()

    def resume(self) -> None:
        self.transport.resume_reading()

    def answered(self, client: Client) -> None:
        self._answering = None
        if not client.complete:
            self._linger()
        elif not client.keep_alive:
            self.close()
        elif self._waiting:
            self._start(self._waiting.popleft())
            self.transport.resume_reading()
        elif self._in_head:
            self.deadline = self.loop.time() + self._owner.limits.head
        else:
            self.deadline = self.loop.time() + self._owner.limits.keep_alive

    def expire(self) -> None:
        self.deadline = NEVER
        if self._deaf or self.stalled:
            self.transport.abort()
        elif self._in_head:
            self._refuse(RequestTimeout("The request did not arrive in time."))
        elif self._receiving is not None:
            self._receiving.fail(RequestTimeout("The request's body did not arrive in time."))
        else:
            self.close()

    def close(self) -> None:
        self.flush()
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one without inheriting from it
        self.deadline = self.loop.time() + self._owner.limits.keep_alive
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(
                cause if isinstance(cause, EdgeError) else InvalidRequest("The request is not valid HTTP/1.1.")
            )
        else:
            self._watch()

    def _watch(self) -> None:
        """After every piece: what must come next, and by when."""
        if self._in_head:
            if self._head_bytes > self._owner.limits.head_bytes:
                self._refuse(HeadersTooLarge(_TOO_LARGE))
        elif self._receiving is not None:
            self.deadline = self.loop.time() + self._owner.limits.body
        else:
            self._head_bytes = 0
            if self._answering is not None and not self.stalled:
                self.deadline = NEVER

    def eof_received(self) -> None:
        """A client that sends no more has gone; nobody who waits for an answer closes half of a connection."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._owner.closed(self)
        for client in (self._answering, *self._waiting):
            if client is not None:
                client.lost()
        self._waiting.clear()

    def pause_writing(self) -> None:
        self.stalled = True
        self.deadline = self.loop.time() + self._owner.limits.stalled

    def resume_writing(self) -> None:
        self.stalled = False
        if self._answering is not None:
            self.deadline = NEVER
            self._answering.wake()
        else:
            self.deadline = self.loop.time() + self._owner.limits.keep_alive

    # Called by the parser.

    def on_message_begin(self) -> None:
        if self._resuming:
            return
        self._url = b""
        self._headers = []
        self._in_head = True
        if self._answering is None:
            self.deadline = self.loop.time() + self._owner.limits.head

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._resuming:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._resuming:
            self._resuming = False
            return
        limit = self._owner.limits.head_bytes
        if self._head_bytes > limit and sum(len(n) + len(v) for n, v in self._headers) + len(self._url) > limit:
            raise HeadersTooLarge(_TOO_LARGE)
        self._in_head = False
        modern = self._parser.get_http_version() == "1.1"
        client = self._receiving = Client(
            self,
            method=self._parser.get_method(),
            path=_path(self._url),
            headers=self._headers,
            keep_alive=modern and self._parser.should_keep_alive() and not self._owner.draining,
            chunked=modern,
        )
        client.expects_continue = modern and client.header(b"expect") == b"100-continue"
        if self._answering is None:
            self._start(client)
        else:
            self._waiting.append(client)
            self.transport.pause_reading()

    def on_body(self, body: bytes) -> None:
        if self._receiving is not None:
            self._receiving.feed(body)

    def on_message_complete(self) -> None:
        if self._parser.should_upgrade():
            return  # the parser skips the body; `_decline_upgrade` goes on with it
        client, self._receiving = self._receiving, None
        if client is not None:
            client.end()

    def _start(self, client: Client) -> None:
        self._answering = client
        self._owner.start_answer(client)

    def _decline_upgrade(self, rest: bytes) -> None:
        """Go on in HTTP/1.1: some clients (Java's) offer HTTP/2 with every request and are content without.

        The parser stops at such an offer, before the body; a new one is told how the body is framed and goes on there.
        """
        framing = [each for each in self._headers if each[0] in {b"content-length", b"transfer-encoding"}]
        self._parser = httptools.HttpRequestParser(self)
        self._resuming = True
        self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join([b"%b: %b\r\n" % each for each in framing]))
        if rest:
            self.data_received(rest)
        else:
            self._watch()

    def _refuse(self, error: EdgeError) -> None:
        """What comes cannot be read any further: say so, after the answers that are under way, and close."""
        if self._receiving is not None:
            self._receiving.fail(error)
        elif self._answering is None:
            Client(self, method=b"", path="", headers=[], keep_alive=False, chunked=False).error(error)
            return
        else:
            (self._waiting[-1] if self._waiting else self._answering).keep_alive = False
        self._deaf = True
        self._receiving, self._in_head = None, False

    def _linger(self) -> None:
        """A client whose body was refused still sends it: it is read for a moment, or a reset would overtake the refusal."""
        self._deaf = True
        self._receiving, self._in_head = None, False
        self.transport.resume_reading()
        self.deadline = self.loop.time() + self._owner.limits.linger


def _path(url: bytes) -> str:
    """The path, decoded, without the query; of an absolute URL the same."""
    if not url.startswith(b"/"):
        try:
            url = httptools.parse_url(url).path or b"/"
        except httptools.HttpParserInvalidURLError:
            return ""
    path = url.partition(b"?")[0].decode("latin-1")
    return unquote(path) if "%" in path else path
