"""The current snapshot, and everything that keeps it current: the saved file at start, then the followers of the KV buckets.

Failure policy: with NATS away the snapshot stays as it is and calls are served from it; a key that is not in it is then unknown
(`omg_edge_key_lookups_total{result="unavailable"}`). With neither a saved file nor NATS the edge is not ready and answers 503.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from nats.errors import Error as NatsError
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue
from prometheus_client import Counter

from common.bus.buckets import BucketFollower
from common.bus.connection import Bus
from common.events import subjects
from common.lifecycle import TaskOwner
from edge_proxy.control.disk import Change, Records, SavedConfiguration
from edge_proxy.control.snapshot import Key, RecordReader, Snapshot, Tenant, snapshot_key
from edge_proxy.errors import Unavailable

_SAVE_DELAY_S: Final = 0.5
_LOOK_AT_PRICES_S: Final = 0.25
_RECORDS_AT_ONCE: Final = 500
_LOOK_UP_TIMEOUT_S: Final = 1.0
_LOOK_UPS_AT_ONCE: Final = 32
_UNKNOWN_FOR_S: Final = 5.0
_UNKNOWN_AT_MOST: Final = 10_000

_lookups: Final = Counter(
    "omg_edge_key_lookups_total", "Keys that were not in the snapshot, by what KV said.", ["result"]
)
_changes: Final = Counter("omg_edge_config_changes_total", "Configuration records applied.", ["bucket"])


class Configuration:
    """Holds `snapshot`, and changes it."""

    def __init__(self, *, bus: Bus, reader: RecordReader, saved: SavedConfiguration) -> None:
        self._bus = bus
        self._reader = reader
        self._saved = saved
        self.snapshot = Snapshot()
        self._records: Records = {bucket: {} for bucket in self.snapshot.tables}
        self._loaded: set[str] = set()
        self._changed = asyncio.Event()
        self._unsaved: list[Change] = []
        self._buckets: dict[str, KeyValue] = {}
        self._unknown: dict[str, float] = {}
        self._looking_up = asyncio.Semaphore(_LOOK_UPS_AT_ONCE)

    @property
    def is_loaded(self) -> bool:
        """Whether there is a configuration to work from, however old."""
        return len(self._loaded) == len(self._records)

    def start(self, tasks: TaskOwner) -> None:
        """Load the saved configuration, if there is one, and follow the buckets."""
        saved = self._saved.load()
        if saved is not None:
            for bucket in self._records:
                for key, value in saved.get(bucket, {}).items():
                    self._take(bucket, key, value)
            self._loaded.update(self._records)
        for bucket in self._records:
            follower = BucketFollower(
                bus=self._bus,
                bucket=bucket,
                on_content=lambda records, bucket=bucket: self._replace(bucket, records),  # type: ignore[misc]
                on_change=lambda key, value, bucket=bucket: self._apply(bucket, key, value),  # type: ignore[misc]
            )
            tasks.keep_running(f"follow-{bucket}", follower.run)
        tasks.keep_running("save-configuration", self._keep_saved)
        tasks.keep_running("change-prices", self._change_prices)

    async def look_up_key(self, digest: str) -> Key | None:
        """Ask the bucket for a key the snapshot lacks: once, then it counts as unknown for a few seconds."""
        if not self.is_loaded:
            raise Unavailable("The gateway has no configuration yet. Please retry.", code="not_configured")
        if self._unknown.get(digest, 0) > time.monotonic():
            return None
        value = await self._get(subjects.KEYS_BUCKET, digest)
        if value is None:
            self._remember_unknown(digest)
            return None
        key: Key | None = self._reader.read(subjects.KEYS_BUCKET, digest, value)
        return key

    async def look_up_tenant(self, tenant_id: str) -> Tenant | None:
        """The same for a tenant whose key arrived before it."""
        value = await self._get(subjects.POLICIES_BUCKET, tenant_id)
        if value is None:
            return None
        tenant: Tenant | None = self._reader.read(subjects.POLICIES_BUCKET, tenant_id, value)
        return tenant

    async def _get(self, bucket: str, key: str) -> bytes | None:
        if not self._bus.is_connected:
            _lookups.labels(result="unavailable").inc()
            return None
        try:
            async with asyncio.timeout(_LOOK_UP_TIMEOUT_S), self._looking_up:
                if bucket not in self._buckets:
                    self._buckets[bucket] = await self._bus.jetstream().key_value(bucket)
                value = (await self._buckets[bucket].get(key)).value
        except KeyNotFoundError:
            _lookups.labels(result="unknown").inc()
            return None
        except (NatsError, OSError, TimeoutError):
            _lookups.labels(result="unavailable").inc()
            return None
        _lookups.labels(result="found").inc()
        return value

    def _remember_unknown(self, digest: str) -> None:
        if len(self._unknown) >= _UNKNOWN_AT_MOST:
            self._unknown.clear()
        self._unknown[digest] = time.monotonic() + _UNKNOWN_FOR_S

    async def _replace(self, bucket: str, records: Mapping[str, bytes]) -> None:
        """All that is in a bucket. What is known already costs little: with a million keys a reconnection goes unnoticed."""
        known = self._records[bucket]
        for number, key in enumerate(tuple(known)):
            if key not in records:
                self._apply(bucket, key, None)
            if number % _RECORDS_AT_ONCE == 0:
                await asyncio.sleep(0)
        for number, (key, value) in enumerate(records.items()):
            if known.get(key) != value:
                self._apply(bucket, key, value)
            if number % _RECORDS_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._loaded.add(bucket)
        self._changed.set()

    def _apply(self, bucket: str, key: str, value: bytes | None) -> None:
        """One change."""
        self._unsaved.append((bucket, key, self._take(bucket, key, value)))
        self._unknown.clear()
        self._changed.set()
        _changes.labels(bucket=bucket).inc()

    def _take(self, bucket: str, key: str, value: bytes | None) -> bytes | None:
        """A record that became unusable is dropped, like a deleted one: what cannot be read is not served. Returns what is kept."""
        table = self.snapshot.tables[bucket]
        record = None if value is None else self._reader.read(bucket, key, value)
        if record is None or value is None:
            table.drop(snapshot_key(bucket, key))
            self._records[bucket].pop(key, None)
            return None
        table.put(snapshot_key(bucket, key), record)
        self._records[bucket][key] = value
        return value

    async def _change_prices(self) -> None:
        """Reads records again whose prices change, within a moment of the time they say."""
        while True:
            await asyncio.sleep(_LOOK_AT_PRICES_S)
            now = time.time()
            for alias in tuple(self.snapshot.aliases.values()):
                if alias.prices_change_at is not None and alias.prices_change_at <= now:
                    key = subjects.catalog_key(alias.name)
                    self._take(subjects.CATALOG_BUCKET, key, self._records[subjects.CATALOG_BUCKET][key])

    async def _keep_saved(self) -> None:
        """Write changes some time after they came, so that a burst of them costs one write."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_SAVE_DELAY_S)  # also the pause between looks while a bucket is still missing
            await self.save()

    async def save(self) -> None:
        """Keep what changed since the last time, if anything did."""
        if not (self._changed.is_set() and self.is_loaded):
            return
        self._changed.clear()
        unsaved, self._unsaved = self._unsaved, []
        if self._saved.has_grown:
            records = {bucket: dict(kept) for bucket, kept in self._records.items()}
            await asyncio.to_thread(self._saved.write, records)
        else:
            await asyncio.to_thread(self._saved.add, unsaved)
