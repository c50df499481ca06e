"""The call that runs, and writes its answer to Redis as it sends it, so that duplicates can follow along.

The client's stream never waits for Redis: pieces are handed to a task that writes what has gathered, about every 20 ms, and
renews the lease. Memory is bounded by the size up to which answers are kept.

Failure policy: Redis away while the answer is sent: what is not written yet waits, and is tried again. At the end the client waits
for one try; the rest goes on behind its back (`unfinished`) for as long as the lease can last. What is not written then is lost:
`omg_edge_idempotency_lost_total` moves, and a duplicate runs.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Final, Literal, Self

import msgspec
from prometheus_client import Counter

from edge_proxy.idempotency.keeping import is_kept, kept_headers
from edge_proxy.idempotency.link import Argument, Link, RedisAway
from edge_proxy.idempotency.options import Options
from edge_proxy.idempotency.scripts import DONE, LET_GO, OVERFLOW, RUNNING, WRITE, lock_key, stream_key
from edge_proxy.idempotency.sealing import PieceSeal
from edge_proxy.idempotency.unfinished import Unfinished

HEAD: Final = b"head"
PIECE: Final = b"piece"
END: Final = b"end"

_JSON: Final = b"application/json"
_EVENT_STREAM: Final = b"text/event-stream; charset=utf-8"
_GATHER_S: Final = 0.02
_TRY_AGAIN_S: Final = 0.25

_lost = Counter(
    "omg_edge_idempotency_lost_total",
    "Answers that are not there to replay: Redis was away for too long at their end, or their lease had run out.",
    ["reason"],
)


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What comes before an answer's first piece."""

    status: int
    content_type: bytes
    headers: list[tuple[bytes, bytes]]
    streamed: bool


class First:
    """Call either `record`, or `begin`, `piece`s and `end`. Whatever is not ended when the block is left was never said.

    This one writes nothing down: it stands in when Redis is away and the policy is to serve.
    """

    async def record(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """A whole answer, with the headers that the client gets, of which some are kept (`keeping`).

        One that is not to be kept lets the key go.
        """

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """The head of a stream that is sent from now on."""

    def piece(self, data: bytes) -> None:
        """What was sent of it."""

    async def end(self) -> None:
        """It is complete."""

    async def give_up(self) -> None:
        """Let the key go: the next call with it runs. Leaving the block does so too."""


class RecordedFirst(First):
    """Holds the key until it leaves its context."""

    def __init__(
        self, link: Link, options: Options, unfinished: Unfinished, *, name: str, token: bytes, seal: PieceSeal
    ) -> None:
        self._link = link
        self._unfinished = unfinished
        self._options = options
        self._keys = (lock_key(name), stream_key(name, token))
        self._token = token
        self._seal = seal
        self._unsealed: list[bytes] = []
        self._unwritten: list[tuple[int, bytes, bytes]] = []
        self._number = 0
        self._size = 0
        self._too_large = False
        self._state: Literal["held", "ending", "letting_go", "settled"] = "held"
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._keep_writing(), name="idempotency-first")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._holds():
                self._state = "letting_go"
            await self._settle()  # which a cancellation may have kept from its end
        finally:
            await self._stop_writing()

    async def record(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        if not is_kept(status):
            await self.give_up()
            return
        self._add_head(status, headers, streamed=False)
        if body:
            self.piece(body)
        await self.end()

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._add_head(status, headers, streamed=True)
        self._wake.set()

    def piece(self, data: bytes) -> None:
        if self._too_large or not self._holds():
            return
        self._size += len(data)
        if self._size > self._options.max_reply_bytes:
            self._too_large = True
            self._unsealed.clear()
            self._unwritten.clear()
        else:
            self._unsealed.append(data)
        self._wake.set()

    async def end(self) -> None:
        if self._number == 0:  # nothing has begun: there is no answer to keep
            await self.give_up()
        elif self._holds():
            if not self._too_large:
                self._seal_pieces()
                self._add(END, b"")
            self._state = "ending"
            await self._settle()

    async def give_up(self) -> None:
        if self._holds():
            self._state = "letting_go"
            await self._settle()

    async def _settle(self) -> None:
        """What was decided is done; twice does no harm."""
        async with self._writing:
            if self._state == "ending":
                try:
                    await self._write(ended=True)
                except RedisAway:
                    if not self._unfinished.add(self._insist):
                        self._lose("redis_away")
            elif self._state == "letting_go":
                with suppress(RedisAway):  # the lease runs out by itself
                    await self._link.run(LET_GO, self._keys, self._token)
            self._state = "settled"

    async def _insist(self) -> None:
        """Write the end when Redis is back. After a lease the key is another's, or free."""
        try:
            async with asyncio.timeout(self._options.lease):
                while True:
                    await asyncio.sleep(_TRY_AGAIN_S)
                    try:
                        await self._write(ended=True)
                        return
                    except RedisAway:
                        continue
        except TimeoutError:
            self._lose("redis_away")
        except asyncio.CancelledError:
            self._lose("redis_away")
            raise

    async def _keep_writing(self) -> None:
        """Until the key is not ours any more, or the context is left."""
        loop = asyncio.get_running_loop()
        renew_at = loop.time() + self._options.lease / 3
        while self._holds():
            try:
                async with asyncio.timeout_at(renew_at):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            pause = _GATHER_S
            try:
                async with self._writing:
                    if not self._holds():
                        return
                    if not self._too_large:
                        self._seal_pieces()
                    await self._write(ended=False)
                renew_at = loop.time() + self._options.lease / 3
            except RedisAway:
                self._wake.set()
                pause = _TRY_AGAIN_S
            await asyncio.sleep(pause)

    async def _write(self, *, ended: bool) -> None:
        """What was sealed and not acknowledged, the lease or the ttl, and how it stands. Raises `RedisAway`."""
        life = int((self._options.ttl if ended else self._options.lease) * 1000)
        if self._too_large:
            ours = await self._link.run(OVERFLOW, self._keys, self._token, life)
        else:
            entries = tuple(self._unwritten)
            arguments: list[Argument] = [part for entry in entries for part in entry]
            state = DONE if ended else RUNNING
            ours = await self._link.run(WRITE, self._keys, self._token, state, life, *arguments)
            if self._unwritten:  # or the answer grew too large in the meantime
                del self._unwritten[: len(entries)]
        if not ours:
            self._lose("lease_lost")

    def _holds(self) -> bool:
        return self._state == "held"

    def _add_head(self, status: int, headers: Iterable[tuple[bytes, bytes]], *, streamed: bool) -> None:
        kept = dict(kept_headers(headers))
        content_type = kept.pop(b"content-type", _EVENT_STREAM if streamed else _JSON)
        self._add(HEAD, msgspec.msgpack.encode(Head(status, content_type, list(kept.items()), streamed)))

    def _seal_pieces(self) -> None:
        """What has gathered is one entry, and stays as it was sealed: a number is never used for two texts."""
        if self._unsealed:
            self._add(PIECE, b"".join(self._unsealed))
            self._unsealed.clear()

    def _add(self, kind: bytes, data: bytes) -> None:
        self._number += 1
        self._unwritten.append((self._number, kind, self._seal.seal(self._number, kind, data)))

    def _lose(self, reason: str) -> None:
        self._state = "settled"
        _lost.labels(reason).inc()

    async def _stop_writing(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait((self._writer,))
