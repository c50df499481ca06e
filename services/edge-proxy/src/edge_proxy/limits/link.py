"""The connection to Redis that all calls of a process share.

What is to be said is asked for when it is time to say it (`compose`). One batch is under way at a time: calls that come in
meanwhile, or during one tick of the event loop, share the next round trip, and one that comes alone waits for nothing. What nobody
waits for (`wake(soon=False)`) goes along with the next that somebody does, or after 5 ms. Reading and writing cost more than all
else that is done for a call: the busier it gets, the more calls share them. Replies come in the order of commands; each goes to who
asked. A connection of our own, because redis-py takes more processor time for a command than all the rest of a reservation.

Failure policy: a connection that breaks, or that owes a reply for longer than the timeout, is dropped; all who wait on it are told
`LOST` at once, and while there is none sending fails at once. `run` opens the next one, beginning after 0.1 s, then at most every
2 s. Nothing is sent again in here. Commands of a dropped connection may still be carried out.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from prometheus_client import Histogram

from edge_proxy.limits.port import LimitStoreUnavailable
from edge_proxy.limits.resp import LOST, NotRedis, Reply, ReplyError, ReplyReader, command

_CONNECT_TIMEOUT_S: Final = 1.0
_CHECKS_PER_TIMEOUT: Final = 5
_SHORTEST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0
_PROVED_ITSELF_S: Final = 5.0
_LATEST_S: Final = 0.005
_NO: Final = frozenset({"false", "0", "no"})
_GONE_READ_ONLY: Final = frozenset({"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "NOAUTH"})

_round_trips: Final = Histogram(
    "omg_edge_limit_store_round_trip_seconds",
    "From asking the store of limits until everything was answered; calls share these.",
    buckets=(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
)

OnReply = Callable[[Reply], None]


class Link:
    """`scripts`: texts to have loaded before the first call. The URL is `redis://` or, for TLS, `rediss://`, with redis-py's
    options for certificates.

    `compose` puts its commands with `put`; `lost` is told when what it was woken for will not be asked for.
    """

    _loop: asyncio.AbstractEventLoop  # that of `run`

    def __init__(
        self,
        url: str,
        *,
        scripts: Sequence[str],
        timeout_s: float,
        compose: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        self._compose = compose
        self._lost = lost
        self._url = urlsplit(url)
        self._scripts = scripts
        self._timeout_s = timeout_s
        self._transport: asyncio.Transport | None = None
        self._reader = ReplyReader()
        self._out: list[bytes] = []
        self._flushes_soon = False
        self._flushes_later = False
        self._waiting: deque[OnReply] = deque()
        self._sent = 0
        self._answered = 0
        self._written = 0
        self._flights: deque[tuple[float, int]] = deque()
        self.down = asyncio.Event()
        self.up = asyncio.Event()
        self.reason = "not connected yet"

    @property
    def is_up(self) -> bool:
        return self.up.is_set()

    @property
    def is_waiting(self) -> bool:
        """Whether replies are owed."""
        return bool(self._waiting)

    async def run(self) -> None:
        """Keeps a connection open until cancelled."""
        loop = self._loop = asyncio.get_running_loop()
        pause = _SHORTEST_PAUSE_S
        try:
            while True:
                began = loop.time()
                try:
                    async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                        await self._open()
                except (OSError, TimeoutError, ReplyError) as error:
                    self._drop(str(error)[:200] or type(error).__name__)
                else:
                    self.up.set()
                    await self._watch()
                pause = (
                    _SHORTEST_PAUSE_S if loop.time() - began > _PROVED_ITSELF_S else min(pause * 2, _LONGEST_PAUSE_S)
                )
                await asyncio.sleep(pause)
        finally:
            self._drop("stopped")

    def wake(self, *, soon: bool) -> None:
        """Has `compose` called. Raises `LimitStoreUnavailable` if nothing can be said at present."""
        if not self.up.is_set():
            raise LimitStoreUnavailable(self.reason)
        if soon:
            if not self._flushes_soon:
                self._flushes_soon = True
                if self._answered == self._written:
                    self._loop.call_soon(self._flush)
        elif not self._flushes_later:
            self._flushes_later = True
            self._loop.call_later(_LATEST_S, self._flush_later)

    def put(self, parts: Sequence[bytes], on_reply: OnReply) -> None:
        """A command, which goes out with the next flush. `on_reply` is called once, later."""
        self._out += parts
        self._waiting.append(on_reply)
        self._sent += 1

    def serves(self, transport: asyncio.BaseTransport | None) -> bool:
        return transport is self._transport

    def data_received(self, data: bytes) -> None:
        try:
            replies = self._reader.feed(data)
        except NotRedis as error:
            self._drop(f"not redis: {error}")
            return
        waiting = self._waiting
        self._answered += len(replies)
        for reply in replies:
            if not waiting:  # dropped by one of the replies before, or more replies than commands
                self._drop("a reply to no command")
                return
            waiting.popleft()(reply)
            if type(reply) is ReplyError and reply.code in _GONE_READ_ONLY:
                self._drop(str(reply)[:200])
                return
        self._land()
        if self._flushes_soon and self._answered >= self._written:
            self._flush()

    def connection_lost(self, transport: asyncio.BaseTransport | None, error: Exception | None) -> None:
        if self.serves(transport):
            self._drop(f"connection lost: {error or 'closed by redis'}"[:200])

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        url = self._url
        self.down.clear()
        transport, _ = await loop.create_connection(
            lambda: _Protocol(self),
            url.hostname or "127.0.0.1",
            url.port or 6379,
            ssl=_tls(url.query) if url.scheme == "rediss" else None,
        )
        self._transport = transport
        self._reader = ReplyReader()
        if url.password:
            user = (unquote(url.username),) if url.username else ()
            await self._ask("AUTH", *user, unquote(url.password))
        if url.path.strip("/"):
            await self._ask("SELECT", url.path.strip("/"))
        for script in self._scripts:
            await self._ask("SCRIPT", "LOAD", script)

    async def _ask(self, *parts: str) -> None:
        reply: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def answered(value: Reply) -> None:
            if not reply.done():
                if isinstance(value, ReplyError):
                    reply.set_exception(ReplyError(str(value)))  # one of its own: to be raised is to be changed
                else:
                    reply.set_result(None)

        self.put((command(*parts),), answered)
        self._flush()
        await reply

    def _flush_later(self) -> None:
        self._flushes_later = False
        self._flush()

    def _flush(self) -> None:
        self._flushes_soon = False
        if self._transport is None:
            return
        if self.up.is_set():
            self._compose()
        if self._out:
            self._transport.write(b"".join(self._out))
            self._flights.append((perf_counter(), self._sent))
            self._written = self._sent
            self._out.clear()

    def _land(self) -> None:
        now = perf_counter()  # the loop's own clock knows only milliseconds
        while self._flights and self._flights[0][1] <= self._answered:
            _round_trips.observe(now - self._flights.popleft()[0])

    async def _watch(self) -> None:
        """Until the connection is lost. A timer for all that is under way, not one for each call."""
        was_overdue_at = -1
        while not self.down.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timeout_s / _CHECKS_PER_TIMEOUT):
                    await self.down.wait()
            if self._flights and self._flights[0][0] + self._timeout_s < perf_counter():
                # Overdue twice with nothing answered in between: if it was us who stood still, the replies are read first.
                if was_overdue_at == self._answered:
                    self._drop(f"no reply within {self._timeout_s} s")
                was_overdue_at = self._answered
            else:
                was_overdue_at = -1

    def _drop(self, reason: str) -> None:
        self.up.clear()
        self.reason = reason
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        waiting, self._waiting = self._waiting, deque()
        self._out.clear()
        self._flights.clear()
        self._answered = self._written = self._sent
        self._flushes_soon = False
        self.down.set()
        for on_reply in waiting:
            on_reply(LOST)
        self._lost()


def _tls(query: str) -> ssl.SSLContext:
    """With the options that redis-py knows in a URL. Raises `OSError`, `ValueError` for files that cannot be used."""
    options = dict(parse_qsl(query))
    context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
    if options.get("ssl_check_hostname", "true").lower() in _NO or options.get("ssl_cert_reqs") == "none":
        context.check_hostname = False
    if options.get("ssl_cert_reqs") == "none":
        context.verify_mode = ssl.CERT_NONE
    if certificate := options.get("ssl_certfile"):
        context.load_cert_chain(certificate, options.get("ssl_keyfile"))
    return context


class _Protocol(asyncio.Protocol):
    """Speaks for one connection; an old one's last words must not be taken for the next one's."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._link.serves(self._transport):
            self._link.data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._link.connection_lost(self._transport, error)
