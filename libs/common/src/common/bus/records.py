"""Records of a KV bucket, read as they are and written only on top of the revision the writer has seen.

The client library's own `KeyValue` refuses keys it would not have written itself; here any key that is in the bucket can be
read and removed, because somebody's garbage must not stay for ever.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from nats.js.client import JetStreamContext
from nats.js.errors import APIError, BucketNotFoundError, NotFoundError

from common.bus.bucket_watch import watch_bucket

_OPERATION: Final = "KV-Operation"
_EXPECTED_REVISION: Final = "Nats-Expected-Last-Subject-Sequence"
_STREAM_NOT_FOUND: Final = 10_059
_WRONG_REVISION: Final = (10_071, 10_164)
_PUBLISH_TIMEOUT_S: Final = 2.0
_SILENCE_S: Final = 5.0


class StaleRevisionError(Exception):
    """Somebody else wrote the record since its revision was read; nothing was written."""


@dataclass(frozen=True, slots=True)
class Revision:
    """The last thing said about a key: 0 when nothing was. `exists` is false when that was a deletion."""

    number: int
    exists: bool


async def read_revision(jetstream: JetStreamContext, bucket: str, key: str) -> Revision:
    """What a conditional write refers to. Raises `BucketNotFoundError`, or the client's errors when NATS does not answer."""
    try:
        message = await jetstream.get_last_msg(f"KV_{bucket}", f"$KV.{bucket}.{key}")
    except NotFoundError as error:
        if error.err_code == _STREAM_NOT_FOUND:
            raise BucketNotFoundError from None
        return Revision(0, exists=False)
    deleted = (message.headers or {}).get(_OPERATION) in {"DEL", "PURGE"}
    return Revision(message.seq or 0, exists=not deleted)


async def put_record(jetstream: JetStreamContext, bucket: str, key: str, value: bytes, *, on: Revision) -> None:
    """Write a record whose last revision is `on`. Raises `StaleRevisionError`, or the client's errors."""
    await _publish(jetstream, bucket, key, value, {_EXPECTED_REVISION: str(on.number)})


async def delete_record(jetstream: JetStreamContext, bucket: str, key: str, *, on: Revision) -> None:
    """Remove a record whose last revision is `on`; nothing is written when it does not exist. Raises as `put_record`."""
    if on.exists:
        await _publish(jetstream, bucket, key, b"", {_OPERATION: "DEL", _EXPECTED_REVISION: str(on.number)})


async def read_bucket(jetstream: JetStreamContext, bucket: str) -> dict[str, bytes]:
    """All records of a bucket, whatever they hold. Raises `BucketNotFoundError`, `TimeoutError`, or the client's errors."""
    content: dict[str, bytes] = {}
    async with aclosing(watch_bucket(jetstream, bucket)) as changes:
        while True:
            async with asyncio.timeout(_SILENCE_S):
                change = await anext(changes)
            if change is None:
                return content
            if change.value is None:
                content.pop(change.key, None)
            else:
                content[change.key] = change.value


async def _publish(jetstream: JetStreamContext, bucket: str, key: str, value: bytes, headers: dict[str, str]) -> None:
    try:
        await jetstream.publish(f"$KV.{bucket}.{key}", value, headers=headers, timeout=_PUBLISH_TIMEOUT_S)
    except APIError as error:
        if error.err_code in _WRONG_REVISION:
            raise StaleRevisionError(f"{bucket}/{key}") from None
        raise
