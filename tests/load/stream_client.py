"""A client that holds many streams open at once, each on a connection of its own, and says how late each piece came.

The pieces are `stream_upstream`'s, stamped with the moment they were sent. It does as little as possible with each: it shares its
core with the upstream, and what it takes for itself looks like lateness.
"""

import asyncio
import re
import time
from array import array
from collections.abc import Callable
from typing import Final, cast
from urllib.parse import urlsplit

from tests.load.stream_upstream import PIECES, STAMP_DIGITS, WORDS

OPENED_PER_SECOND: Final = 1_000
_PATIENCE_S: Final = 20.0
_LOOK_S: Final = 0.2
_STAMP: Final = re.compile(rb'"content":"(\d{%d})"' % STAMP_DIGITS)


class Seen:
    """`open` are the streams that have begun and not ended, and `late_ns` is of each word that came while nobody came or went."""

    def __init__(self) -> None:
        self.late_ns = array("q")
        self.is_steady = False
        self.open = 0
        self.most_open = 0
        self.whole = 0
        self.broken = 0


class _Stream(asyncio.Protocol):
    """One call. `ended` becomes true when its answer was whole, false when it was not or the connection broke."""

    def __init__(self, request: bytes, seen: Seen) -> None:
        self.ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._request = request
        self._seen = seen
        self._rest = b""
        self._begun = False
        self._words = 0
        self._done = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        data = self._rest + data
        if not self._begun:
            if not data.startswith(b"HTTP/1.1 200 "):
                self._end()
                return
            self._begun = True
            self._seen.open += 1
            self._seen.most_open = max(self._seen.most_open, self._seen.open)
        after = data.rfind(b"\n\n") + 2
        if after > 1:
            events, data = data[:after], data[after:]
            stamps = _STAMP.findall(events)
            if self._seen.is_steady:
                self._seen.late_ns.extend([now - int(stamp) for stamp in stamps])
            self._words += len(stamps)
            self._done = self._done or events.endswith(b"data: [DONE]\n\n")
        self._rest = data
        if self._done and data.endswith(b"0\r\n\r\n"):
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(lost=True)

    def abort(self) -> None:
        self._transport.abort()

    def _end(self, *, lost: bool = False) -> None:
        if self.ended.done():
            return
        if self._begun:
            self._seen.open -= 1
        self._seen.is_steady = False
        self.ended.set_result(not lost and self._done and self._words == WORDS)
        self._transport.close()


async def hold(
    url: str, *, body: bytes, key: str, streams: int, pause_s: float, look: Callable[[], None] | None = None
) -> Seen:
    """Open as many streams, some time apart as callers do, and wait for their ends. `look` is called now and then meanwhile."""
    seen = Seen()
    host, port = urlsplit(url).hostname, urlsplit(url).port
    assert host
    assert port
    request = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}:{port}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body
    loop = asyncio.get_running_loop()
    looking = asyncio.create_task(_look(look)) if look else None
    began, opened = loop.time(), []
    try:
        for number in range(streams):
            if (early := began + number / OPENED_PER_SECOND - loop.time()) > 0:
                await asyncio.sleep(early)
            try:
                _, stream = await loop.create_connection(lambda: _Stream(request, seen), host, port)
            except OSError:
                continue  # it is missing among the whole ones
            opened.append(stream)
        seen.is_steady = not any(each.ended.done() for each in opened)
        if opened:
            await asyncio.wait([each.ended for each in opened], timeout=PIECES * pause_s + _PATIENCE_S)
    finally:
        if looking:
            looking.cancel()
        for each in opened:
            each.abort()
    seen.whole = sum(each.ended.done() and each.ended.result() for each in opened)
    seen.broken = streams - seen.whole
    return seen


async def _look(look: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        look()
