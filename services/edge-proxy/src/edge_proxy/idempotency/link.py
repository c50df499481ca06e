"""The connections to Redis that idempotency uses: one pool for short commands, one for followers, each small.

Redis holds a follower's XREAD until there is something to read: it learns of a piece at once, and waiting costs no processor time.
Followers of one answer that are equally far share a read. A herd of duplicates therefore needs one connection and not one each:
opening hundreds at once takes longer than any timeout, and then for ever, as those that gave up begin anew.

Failure policy: any error or timeout counts as "Redis is away" and is raised as `RedisAway`. Redis is left alone for a second then,
so that calls do not pay a timeout each; the first one after that second tries again. One log line for each change, and
`omg_edge_idempotency_redis_away`. Nothing is tried again in here.
"""

import asyncio
import importlib
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
from prometheus_client import Gauge

from common.logging import get_logger
from edge_proxy.idempotency.scripts import Script

if TYPE_CHECKING:
    from redis.asyncio import Redis

_LEAVE_ALONE_S: Final = 1.0
_BLOCK_S: Final = 1.0
_BLOCK_IN_TURNS_S: Final = 0.1
_CONNECTIONS: Final = 16
_READS: Final = 32
_ENTRIES: Final = 64

Argument = str | bytes | int

_log = get_logger(__name__)
_away = Gauge("omg_edge_idempotency_redis_away", "1 while idempotency cannot reach Redis.")


class RedisAway(Exception):
    """Redis did not answer, or not with what was asked for."""


class Entry(msgspec.Struct, frozen=True):
    """A line of a First's answer. `id` is its place in the stream, `number` what it was sealed under."""

    id: bytes
    number: int
    kind: bytes
    data: bytes


class News(msgspec.Struct, frozen=True):
    """What a follower sees: new entries, and the lock as it was after they were read."""

    entries: Sequence[Entry]
    owner: bytes | None
    state: bytes | None


class Link:
    """Loads redis-py with the first call that needs it: a tenth of a second that neither a start nor other calls pay."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._clients: tuple[Redis, Redis] | None = None
        self._connecting = asyncio.Lock()
        self._turns = asyncio.Semaphore(_CONNECTIONS)
        self._read_turns = asyncio.Semaphore(_READS)
        self._reads: dict[tuple[str, bytes], asyncio.Task[News]] = {}
        self._retry_at = 0.0
        self._is_away = False

    async def close(self) -> None:
        reads = tuple(self._reads.values())
        for read in reads:
            read.cancel()
        if reads:
            await asyncio.wait(reads)
        clients, self._clients = self._clients, None
        for client in clients or ():
            await client.aclose()
            await client.connection_pool.aclose()  # the client leaves a pool alone that it was given

    async def ping(self) -> None:
        """A readiness check. Raises `RedisAway`."""
        await self._ask("PING")

    async def run(self, script: Script, keys: Sequence[str], *arguments: Argument) -> Any:
        """Raises `RedisAway`."""
        rest = (len(keys), *keys, *arguments)
        return await self._ask("EVALSHA", script.sha, *rest, unless_known=("EVAL", script.text, *rest))

    async def news(self, lock: str, stream: str, *, after: bytes) -> News:
        """Entries after `after`; waits up to a second for the first of them. Raises `RedisAway`."""
        place = (stream, after)
        read = self._reads.get(place)
        if read is None:
            read = self._reads[place] = asyncio.create_task(self._read(lock, stream, after), name="idempotency-read")
            read.add_done_callback(partial(self._read_ended, place))
        return await asyncio.shield(read)  # for it may be others' too

    def _read_ended(self, place: tuple[str, bytes], read: asyncio.Task[News]) -> None:
        del self._reads[place]
        if not read.cancelled():
            read.exception()  # of which nobody may want to know any more

    async def _read(self, lock: str, stream: str, after: bytes) -> News:
        async with self._read_turns:
            _, client = await self._connected()
            block = _BLOCK_IN_TURNS_S if self._read_turns.locked() else _BLOCK_S
            # The lock after the entries: in the other order an answer that ends in between would pass for one that was given up.
            pipeline = client.pipeline(transaction=False)
            pipeline.execute_command("XREAD", "COUNT", _ENTRIES, "BLOCK", int(block * 1000), "STREAMS", stream, after)
            pipeline.execute_command("HMGET", lock, "owner", "state")
            try:
                async with asyncio.timeout(block + self._timeout):
                    found, (owner, state) = await pipeline.execute()
            except _redis_errors() as error:
                raise self._failed(error) from error
            self._succeeded()
            entries = found[0][1] if found else ()
            return News([_entry(id_, fields) for id_, fields in entries], owner, state)

    async def _ask(self, *command: Argument, unless_known: tuple[Argument, ...] | None = None) -> Any:
        # To wait for a turn is not to wait for Redis: a burst of calls must not pass for an outage.
        async with self._turns:
            client, _ = await self._connected()
            try:
                async with asyncio.timeout(self._timeout):
                    try:
                        reply = await client.execute_command(*command)  # type: ignore[no-untyped-call]
                    except _no_script_error():
                        if unless_known is None:
                            raise
                        reply = await client.execute_command(*unless_known)  # type: ignore[no-untyped-call]
            except _redis_errors() as error:
                raise self._failed(error) from error
            self._succeeded()
            return reply

    def _failed(self, error: Exception) -> RedisAway:
        self._retry_at = time.monotonic() + _LEAVE_ALONE_S
        if not self._is_away:
            self._is_away = True
            _away.set(1)
            _log.error("idempotency cannot reach redis", reason=f"{type(error).__name__}: {error}"[:200])
        return RedisAway()

    def _succeeded(self) -> None:
        if self._is_away:
            self._is_away = False
            _away.set(0)
            _log.info("idempotency reaches redis again")

    async def _connected(self) -> "tuple[Redis, Redis]":
        if time.monotonic() < self._retry_at:
            raise RedisAway
        if self._clients is None:
            async with self._connecting:
                if self._clients is None:
                    library = await asyncio.to_thread(importlib.import_module, "redis.asyncio")
                    self._clients = (
                        self._client(library, _CONNECTIONS, self._timeout),
                        self._client(library, _READS, _BLOCK_S + self._timeout),
                    )
        return self._clients

    def _client(self, library: Any, connections: int, timeout: float) -> "Redis":
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        pool = library.BlockingConnectionPool.from_url(
            self._url,
            max_connections=connections,
            timeout=timeout,
            # Ours is around it; redis-py's would write under wait_for, which in Python 3.11 may swallow a cancellation.
            socket_timeout=None,
            socket_connect_timeout=self._timeout,
            protocol=2,  # whose replies redis-py shapes the same in all its versions
            retry=Retry(NoBackoff(), 0),
        )
        client: Redis = library.Redis(connection_pool=pool)
        return client


def _entry(id_: bytes, fields: dict[bytes, bytes]) -> Entry:
    return Entry(id=id_, number=int(id_.partition(b"-")[0]), kind=fields[b"k"], data=fields[b"d"])


def _redis_errors() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError  # loaded by now: only its client raises

    return (RedisError, OSError, TimeoutError)


def _no_script_error() -> type[Exception]:
    from redis.exceptions import NoScriptError

    return NoScriptError
