"""A call that is given the first one's answer: as it is written, or later.

Failure policy: while Redis is away a follower waits for up to five seconds and reads on where it was. After that, or when the First
has died or given up in the middle of its answer, the replay is interrupted; the client's next try runs, or replays from the start.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from prometheus_client import Counter

from edge_proxy.errors import EdgeError
from edge_proxy.idempotency.errors import ReplayInterrupted, ReplyLost, ReplyTooLarge
from edge_proxy.idempotency.first import END, HEAD, PIECE, Head
from edge_proxy.idempotency.keeping import REPLAYED
from edge_proxy.idempotency.link import Link, News, RedisAway
from edge_proxy.idempotency.scripts import DONE, GONE, TOO_LARGE, lock_key, stream_key
from edge_proxy.idempotency.sealing import Damaged, PieceSeal

_interrupted = Counter("omg_edge_idempotency_interrupted_total", "Replays that came to no end.")

_PATIENCE_S: Final = 5.0
_TRY_AGAIN_S: Final = 0.25


class Reader:
    """Reads one First's answer from its start, waiting for what is still to come."""

    def __init__(self, link: Link, *, name: str, token: bytes, seal: PieceSeal) -> None:
        self._link = link
        self._lock, self._stream = lock_key(name), stream_key(name, token)
        self._token = token
        self._seal = seal
        self._after = b"0"
        self._number = 0
        self._read: deque[tuple[bytes, bytes]] = deque()

    async def next(self) -> tuple[bytes, bytes]:
        """Kind and data. Of kind `GONE`: the First has died or given up. Raises `Damaged`, `RedisAway`."""
        while not self._read:
            await self._read_on()
        return self._read.popleft()

    async def _read_on(self) -> None:
        news = await self._patiently()
        for entry in news.entries:
            self._after = entry.id
            if entry.kind in (GONE, TOO_LARGE):
                self._read.append((entry.kind, b""))
                return
            self._number += 1
            if entry.number != self._number:
                raise Damaged
            self._read.append((entry.kind, self._seal.open(entry.number, entry.kind, entry.data)))
        if not news.entries:
            if news.owner != self._token:
                self._read.append((GONE, b""))
            elif news.state == DONE:
                raise Damaged  # Redis has evicted it

    async def _patiently(self) -> News:
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + _PATIENCE_S
        while True:
            try:
                return await self._link.news(self._lock, self._stream, after=self._after)
            except RedisAway:
                if loop.time() > give_up_at:
                    raise
            await asyncio.sleep(_TRY_AGAIN_S)


class Replay:
    """`headers` say that it is one; the content type is not among them, for a client's answer takes it apart from the others.

    `streamed`: send `pieces` as they come; otherwise send the `body`, which is complete.
    """

    def __init__(self, reader: Reader, head: Head, *, limit: int) -> None:
        self.status = head.status
        self.content_type = head.content_type
        self.headers = [*head.headers, REPLAYED]
        self.streamed = head.streamed
        self._reader = reader
        self._limit = limit

    async def pieces(self) -> AsyncIterator[bytes]:
        """The same bytes in the same order, though not in the same cuts. Raises `ReplayInterrupted`, `ReplyTooLarge`."""
        while True:
            try:
                kind, data = await self._reader.next()
            except (RedisAway, Damaged):
                _interrupted.inc()
                raise ReplayInterrupted from None
            if kind == END:
                return
            if kind != PIECE:
                raise self._broken_off(kind)
            yield data

    async def body(self) -> bytes:
        """All of it. Raises as `pieces` does."""
        return b"".join([piece async for piece in self.pieces()])

    def _broken_off(self, kind: bytes) -> EdgeError:
        _interrupted.inc()
        return ReplyTooLarge(self._limit) if kind == TOO_LARGE else ReplayInterrupted()


async def open_replay(reader: Reader, *, limit: int) -> Replay | None:
    """Waits for the answer's head. None: its First is gone without one. Raises `ReplyTooLarge`, `ReplyLost`, `RedisAway`."""
    try:
        kind, data = await reader.next()
    except Damaged:
        raise ReplyLost from None
    if kind == HEAD:
        return Replay(reader, msgspec.msgpack.decode(data, type=Head), limit=limit)
    if kind == TOO_LARGE:
        raise ReplyTooLarge(limit)
    return None
