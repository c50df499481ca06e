"""Watching a KV bucket: every record it holds, a mark, then every change.

The client library's own watcher can give its mark too early: it asks the server how much is still to come and leaves out what
the server has already sent but the client has not seen, so a full bucket looks empty for a moment. Here both are counted.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import DeliverPolicy
from nats.js.client import JetStreamContext
from nats.js.errors import BucketNotFoundError, NotFoundError
from nats.js.errors import Error as JetStreamError

# Both of a client's deletions, and of the server's own marks of a record that went.
_GONE: Final = ("KV-Operation", "Nats-Marker-Reason")
_FORGET_CONSUMER_AFTER_S: Final = 30.0
_END_TIMEOUT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """What a key is now: `value` is `None` when it was deleted."""

    key: str
    value: bytes | None
    revision: int


async def watch_bucket(jetstream: JetStreamContext, bucket: str) -> AsyncGenerator[Change | None, None]:
    """All records, deletions among them; `None` once; then each change, until the iterator is closed.

    Raises `BucketNotFoundError`, or the client's errors. A lost connection is not noticed here.
    """
    prefix = f"$KV.{bucket}."
    try:
        subscription = await jetstream.subscribe(
            prefix + ">",
            stream=f"KV_{bucket}",
            ordered_consumer=True,
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
            inactive_threshold=_FORGET_CONSUMER_AFTER_S,
        )
    except NotFoundError:
        raise BucketNotFoundError from None
    try:
        info = await subscription.consumer_info()
        sent = info.delivered.consumer_seq if info.delivered is not None else 0
        complete = not (info.num_pending or 0) + sent
        if complete:
            yield None
        async for message in subscription.messages:
            yield _change(message, prefix)
            if not complete and not message.metadata.num_pending:
                complete = True
                yield None
    finally:
        await _end(jetstream, subscription, bucket)


async def _end(jetstream: JetStreamContext, subscription: JetStreamContext.PushSubscription, bucket: str) -> None:
    """The server forgets the consumer by itself, but not at once, and it allows only so many."""
    if not jetstream._nc.is_connected:
        return
    with suppress(NatsError, JetStreamError, TimeoutError):
        async with asyncio.timeout(_END_TIMEOUT_S):
            consumer = subscription._consumer
            await subscription.unsubscribe()
            await jetstream.delete_consumer(f"KV_{bucket}", consumer)


def _change(message: Msg, prefix: str) -> Change:
    gone = any(name in (message.headers or {}) for name in _GONE)
    return Change(
        key=message.subject.removeprefix(prefix),
        value=None if gone else message.data,
        revision=message.metadata.sequence.stream,
    )
