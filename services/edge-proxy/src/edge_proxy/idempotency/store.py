"""The door: a call with an `Idempotency-Key` becomes the First, or a Replay of it.

Failure policy: Redis away when a call comes in, or for five seconds while it waits: by `Options.away` it is served without
idempotency, as a First that writes nothing down, or answered 503; `omg_edge_idempotency_claims_total` says which (`unprotected`,
`unavailable`).
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial

from prometheus_client import Counter

from edge_proxy.idempotency.errors import (
    IdempotencyKeyReused,
    IdempotencyUnavailable,
    ReplyTooLarge,
    TooManyDuplicates,
)
from edge_proxy.idempotency.first import First, RecordedFirst
from edge_proxy.idempotency.link import Link, RedisAway
from edge_proxy.idempotency.options import Options
from edge_proxy.idempotency.replay import Reader, Replay, open_replay
from edge_proxy.idempotency.scope import Scope
from edge_proxy.idempotency.scripts import CLAIM, LET_GO, TOO_LARGE, lock_key, stream_key
from edge_proxy.idempotency.sealing import Secrets, new_token
from edge_proxy.idempotency.unfinished import Unfinished

_claims = Counter(
    "omg_edge_idempotency_claims_total", "Calls with an Idempotency-Key, by what became of them.", ["outcome"]
)


class IdempotencyStore:
    """`key_hash_secret` is the installation's; keys of this purpose are derived from it."""

    def __init__(self, *, url: str, key_hash_secret: bytes, options: Options) -> None:
        self._link = Link(url, timeout=options.redis_timeout)
        self._secrets = Secrets(key_hash_secret)
        self._options = options
        self._unfinished = Unfinished()
        self._waiting = 0

    async def close(self) -> None:
        await self._unfinished.close()
        await self._link.close()

    async def ping(self) -> None:
        """A readiness check. Raises `RedisAway`."""
        await self._link.ping()

    @asynccontextmanager
    async def claim(self, scope: Scope, body: bytes) -> AsyncIterator[First | Replay]:
        """Waits while another call with this key has not begun to answer.

        Raises `IdempotencyKeyReused`, `ReplyNotKept`, `TooManyDuplicates`, `IdempotencyUnavailable`. All of them, and what a
        replay raises, are errors for the client.
        """
        with ExitStack() as places:
            try:
                claimed = await self._claim(self._secrets.name(scope), self._secrets.body_hash(body), places)
            except RedisAway:
                claimed = self._without_redis()
            if isinstance(claimed, RecordedFirst):
                async with claimed:
                    yield claimed
            else:
                yield claimed

    async def _claim(self, name: str, body_hash: bytes, places: ExitStack) -> First | Replay:
        waits = False
        while True:
            token = new_token()
            lease = int(self._options.lease * 1000)
            try:
                owner, held, state = await self._link.run(CLAIM, (lock_key(name),), token, body_hash, lease)
            except asyncio.CancelledError:  # Redis may have taken it all the same
                self._unfinished.add(partial(self._let_go, name, token))
                raise
            if owner == token:
                places.close()  # it may have waited for a First that is gone
                _claims.labels("first").inc()
                seal = self._secrets.seal(name, token)
                return RecordedFirst(self._link, self._options, self._unfinished, name=name, token=token, seal=seal)
            if not hmac.compare_digest(held, body_hash):
                _claims.labels("reused").inc()
                raise IdempotencyKeyReused
            if state == TOO_LARGE:
                _claims.labels("too_large").inc()
                raise ReplyTooLarge(self._options.max_reply_bytes)
            if not waits:
                places.enter_context(self._place_to_wait())
                waits = True
            reader = Reader(self._link, name=name, token=owner, seal=self._secrets.seal(name, owner))
            replay = await open_replay(reader, limit=self._options.max_reply_bytes)
            if replay is not None:
                _claims.labels("replay").inc()
                return replay

    async def _let_go(self, name: str, token: bytes) -> None:
        with suppress(RedisAway):  # the lease runs out by itself
            await self._link.run(LET_GO, (lock_key(name), stream_key(name, token)), token)

    def _without_redis(self) -> First:
        if self._options.away == "closed":
            _claims.labels("unavailable").inc()
            raise IdempotencyUnavailable from None
        _claims.labels("unprotected").inc()
        return First()

    @contextmanager
    def _place_to_wait(self) -> Iterator[None]:
        if self._waiting >= self._options.max_waiting:
            _claims.labels("too_many").inc()
            raise TooManyDuplicates
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
