"""The task that keeps the buckets equal to the tables, whatever happened to NATS: its data lost, restored from an old copy,
or filled with garbage by hand.

A bucket is compared as a whole at the start, whenever it is a new one or has gone back, and now and then in any case. What differs
is put into the outbox like any other change, so it cannot overtake a change that is on its way; keys that no record of ours can
have are removed at once. Each replica does this; where two find the same difference, the record is written twice, which harms
nobody.

Failure policy: Postgres or NATS away: tried again until both are there.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from nats.js.client import JetStreamContext
from prometheus_client import Counter

from admin_api.configuration import records
from common.bus.connection import Bus
from common.bus.records import delete_record, read_bucket, read_revision
from common.bus.streams import ensure_buckets
from common.db.engine import Sessions
from common.events.subjects import CONFIG_BUCKETS
from common.logging import get_logger
from common.outbox.batch import RETRYABLE
from common.outbox.relay import Relay

_LOOK_S: Final = 2.0
_COMPARE_ANYWAY_S: Final = 600.0
_RECORDS_PER_TRANSACTION: Final = 200

_log = get_logger(__name__)
_repaired = Counter(
    "omg_configuration_repairs_total", "Records found different from the tables and put again.", ["bucket"]
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """By which a bucket is recognised: one that was made anew or has forgotten something differs from what was seen."""

    created: datetime | None
    last_sequence: int
    compared_at: float


class Keeper:
    """`run` in the background."""

    def __init__(self, *, bus: Bus, sessions: Sessions, relay: Relay, replicas: int) -> None:
        self._bus = bus
        self._sessions = sessions
        self._relay = relay
        self._replicas = replicas
        self._seen: dict[str, _Seen] = {}
        self._reconnected = asyncio.Event()
        bus.on_connect(self._reconnected.set)

    async def run(self) -> None:
        """Keep until cancelled."""
        while True:
            await self._bus.connected()
            self._reconnected.clear()
            try:
                await self._look()
            except RETRYABLE as error:
                _log.warning("the configuration buckets are compared again", reason=repr(error))
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._reconnected.wait()
            except TimeoutError:
                continue

    async def _look(self) -> None:
        jetstream = self._bus.jetstream()
        await ensure_buckets(jetstream, replicas=self._replicas)
        for bucket in CONFIG_BUCKETS:
            info = await jetstream.stream_info(f"KV_{bucket}")
            seen, now = self._seen.get(bucket), time.monotonic()
            if (
                seen is None
                or info.created != seen.created
                or info.state.last_seq < seen.last_sequence
                or now > seen.compared_at + _COMPARE_ANYWAY_S
            ):
                await self._repair(jetstream, bucket)
                seen = _Seen(info.created, info.state.last_seq, now)
            self._seen[bucket] = _Seen(seen.created, info.state.last_seq, seen.compared_at)

    async def _repair(self, jetstream: JetStreamContext, bucket: str) -> None:
        """Put every record into the outbox that is missing, different, or not ours."""
        found = await read_bucket(jetstream, bucket)
        async with self._sessions.begin() as session:
            wanted = await records.read(session, bucket)
        differing = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
        ours = [key for key in differing if records.is_key(bucket, key)]
        for start in range(0, len(ours), _RECORDS_PER_TRANSACTION):
            keys = ours[start : start + _RECORDS_PER_TRANSACTION]
            async with self._sessions.begin() as session:
                await records.hold(session, bucket, *keys)
                await records.emit(session, bucket, *keys)
            self._relay.wake()
        for key in set(differing).difference(ours):
            await delete_record(jetstream, bucket, key, on=await read_revision(jetstream, bucket, key))
        if differing:
            _repaired.labels(bucket=bucket).inc(len(differing))
            _log.info("configuration bucket repaired", bucket=bucket, records=len(differing), of=len(wanted))
