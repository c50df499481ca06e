"""Following a KV bucket: its whole content first, then every change, for as long as the process lives.

The client library's watcher is restarted from scratch after every reconnect, and when the bucket turns out to be ahead of
what was seen: a follower that misses a revocation is worse than one that reads the bucket again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final

from nats.errors import Error as NatsError
from prometheus_client import Counter

from common.bus.bucket_watch import watch_bucket
from common.bus.connection import Bus
from common.logging import get_logger

_CHECK_S: Final = 10.0
_RETRY_S: Final = 0.25

_log = get_logger(__name__)
_restarts = Counter(
    "omg_bucket_follow_restarts_total", "Times a bucket had to be read again from the start.", ["bucket"]
)


class _BehindError(Exception):
    """The bucket has moved on and the watcher did not say so."""


class BucketFollower:
    """Calls `on_content` with all records after each (re)start, and `on_change(key, value or None)` for each later change."""

    def __init__(
        self,
        *,
        bus: Bus,
        bucket: str,
        on_content: Callable[[Mapping[str, bytes]], Awaitable[None]],
        on_change: Callable[[str, bytes | None], None],
    ) -> None:
        self._bus = bus
        self._bucket = bucket
        self._on_content = on_content
        self._on_change = on_change
        self._restart = asyncio.Event()
        self._seen = 0
        bus.on_connect(self._restart.set)

    async def run(self) -> None:
        """Follow until cancelled. NATS being away, or the bucket not there yet, is waited out."""
        while True:
            await self._bus.connected()
            self._restart.clear()
            try:
                await self._follow()
            except (NatsError, OSError, TimeoutError, _BehindError) as error:
                _log.warning("bucket is read again", bucket=self._bucket, reason=repr(error))
                await asyncio.sleep(_RETRY_S)
            _restarts.labels(bucket=self._bucket).inc()

    async def _follow(self) -> None:
        reader = asyncio.create_task(self._read(), name=f"read-{self._bucket}")
        restart = asyncio.create_task(self._restart.wait(), name=f"restart-{self._bucket}")
        checker = asyncio.create_task(self._check(), name=f"check-{self._bucket}")
        try:
            done, _ = await asyncio.wait({reader, restart, checker}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (reader, restart, checker):
                task.cancel()
            await asyncio.gather(reader, restart, checker, return_exceptions=True)

    async def _read(self) -> None:
        content: dict[str, bytes] | None = {}
        async with aclosing(watch_bucket(self._bus.jetstream(), self._bucket)) as changes:
            async for change in changes:
                if change is None:
                    assert content is not None
                    await self._on_content(content)
                    content = None
                    continue
                self._seen = max(self._seen, change.revision)
                if content is None:
                    self._on_change(change.key, change.value)
                elif change.value is None:
                    content.pop(change.key, None)
                else:
                    content[change.key] = change.value

    async def _check(self) -> None:
        """Raise when a change has not arrived one whole interval after the bucket had it, and nothing else has either.

        A bucket of a million records takes longer to read than that.
        """
        jetstream = self._bus.jetstream()
        expected = seen = 0
        while True:
            await asyncio.sleep(_CHECK_S)
            if self._seen < expected and self._seen == seen:
                raise _BehindError(f"seen {self._seen}, the bucket is at {expected}")
            seen = self._seen
            expected = (await jetstream.stream_info(f"KV_{self._bucket}")).state.last_seq
