"""Very many records into a bucket in little time: one wait for hundreds of them, where a put waits for each."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from tests.load.rig import RigError

from common.bus.connection import Bus

_AT_ONCE: Final = 1_000


async def put_many(bus: Bus, bucket: str, records: Iterable[tuple[str, bytes]]) -> None:
    """Records by their key, each a new one. They lie there as if they had been put one by one.

    A publication that asks for no answer is put, too. NATS drops what comes faster than it writes, so the last of so many asks for
    one: answers come in order. Raises `RigError` when the bucket does not hold all of them in the end.
    """
    jetstream = bus.jetstream()
    stream = f"KV_{bucket}"
    expected = (await jetstream.stream_info(stream)).state.messages
    rest = iter(records)
    while batch := list(islice(rest, _AT_ONCE)):
        for key, record in batch[:-1]:
            await bus.client.publish(f"$KV.{bucket}.{key}", record)
        key, record = batch[-1]
        await jetstream.publish(f"$KV.{bucket}.{key}", record)
        expected += len(batch)
    held = (await jetstream.stream_info(stream)).state.messages
    if held != expected:
        raise RigError(f"the bucket {bucket} holds {held} records, not {expected}")
