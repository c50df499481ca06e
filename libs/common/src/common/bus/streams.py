"""The streams and KV buckets this system consists of, created when missing and left alone when present.

Whoever starts first creates them; operators may tune limits of existing ones (retention, size) without being overruled.
"""

from typing import Final

from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.client import JetStreamContext
from nats.js.errors import BadRequestError, NotFoundError

from common.events import subjects

_DAY_S: Final = 86_400
_STREAM_NAME_IN_USE: Final = 10_058

# USAGE is a work queue: an event leaves it when the ledger has it, never by age, so the disk budget is for what is still to
# be done. Discard NEW: when that is spent, publishers are refused and keep their events in their own journal, so that no
# accepted event is ever pushed out by a later one. A work queue has one consumer per subject; whoever else wants to know
# about usage is told by the ledger.
_STREAMS: Final = (
    StreamConfig(
        name=subjects.USAGE_STREAM,
        subjects=[subjects.USAGE_SUBJECTS],
        storage=StorageType.FILE,
        retention=RetentionPolicy.WORK_QUEUE,
        max_bytes=8 * 1024**3,
        discard=DiscardPolicy.NEW,
        duplicate_window=10 * 60,
    ),
    StreamConfig(
        name=subjects.PROVIDER_STREAM,
        subjects=[subjects.PROVIDER_SUBJECTS],
        storage=StorageType.FILE,
        max_age=30 * _DAY_S,
        max_bytes=256 * 1024**2,
        discard=DiscardPolicy.OLD,
    ),
    StreamConfig(
        name=subjects.BUDGET_STREAM,
        subjects=[subjects.BUDGET_SUBJECTS],
        storage=StorageType.FILE,
        max_age=30 * _DAY_S,
        max_bytes=256 * 1024**2,
        discard=DiscardPolicy.OLD,
    ),
    StreamConfig(
        name=subjects.KEY_STREAM,
        subjects=[subjects.KEY_SUBJECTS],
        storage=StorageType.FILE,
        max_age=30 * _DAY_S,
        max_bytes=64 * 1024**2,
        discard=DiscardPolicy.OLD,
    ),
    StreamConfig(
        name=subjects.BATCH_STREAM,
        subjects=[subjects.BATCH_SUBJECTS],
        storage=StorageType.FILE,
        max_age=30 * _DAY_S,
        max_bytes=64 * 1024**2,
        discard=DiscardPolicy.OLD,
    ),
    StreamConfig(
        name=subjects.DEAD_LETTER_STREAM,
        subjects=[subjects.DEAD_LETTER_SUBJECTS],
        storage=StorageType.FILE,
        max_age=90 * _DAY_S,
        max_bytes=1024**3,
        discard=DiscardPolicy.OLD,
    ),
)


async def ensure_streams(jetstream: JetStreamContext, *, replicas: int) -> None:
    """Create what is missing. Raises the NATS client's errors when JetStream cannot be asked."""
    for config in _STREAMS:
        assert config.name is not None
        try:
            await jetstream.stream_info(config.name)
        except NotFoundError:
            await _create_stream(jetstream, config.evolve(num_replicas=replicas))


async def ensure_buckets(jetstream: JetStreamContext, *, replicas: int) -> None:
    """Create the buckets that are missing. Raises the NATS client's errors when JetStream cannot be asked."""
    for bucket in (*subjects.CONFIG_BUCKETS, subjects.SPEND_BUCKET):
        try:
            await jetstream.stream_info(f"KV_{bucket}")
        except NotFoundError:
            await jetstream.create_key_value(
                KeyValueConfig(bucket=bucket, history=1, storage=StorageType.FILE, replicas=replicas)
            )


async def _create_stream(jetstream: JetStreamContext, config: StreamConfig) -> None:
    try:
        await jetstream.add_stream(config)
    except BadRequestError as error:
        if error.err_code != _STREAM_NAME_IN_USE:  # another replica was faster
            raise
