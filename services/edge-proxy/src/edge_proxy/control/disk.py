"""The last known configuration on local disk, so that an edge starts and serves with NATS and admin-api down.

The file holds what the KV buckets hold: key hashes and sealed credentials, nothing in clear; it is readable by its owner only.
A damaged or missing file is as good as none.
"""

import os
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import Counter

from common.logging import get_logger

Records = dict[str, dict[str, bytes]]
"""Bucket → key → record, as in NATS."""

_log = get_logger(__name__)
_failures: Final = Counter("omg_edge_config_save_failures_total", "Times the configuration could not be kept on disk.")
_decoder: Final = msgspec.json.Decoder(dict[str, dict[str, msgspec.Raw]])


class SavedConfiguration:
    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Records | None:
        try:
            saved = _decoder.decode(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            _log.error("the saved configuration is unusable", error=repr(error))
            return None
        return {bucket: {key: bytes(raw) for key, raw in records.items()} for bucket, records in saved.items()}

    def save(self, records: Records) -> None:
        """Replace the file atomically. Failure policy: the disk's refusal is logged and counted, nothing else."""
        encoded = msgspec.json.encode(
            {bucket: {key: msgspec.Raw(value) for key, value in kept.items()} for bucket, kept in records.items()}
        )
        fresh = self._path.with_suffix(".new")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(encoded)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            _failures.inc()
            _log.error("the configuration is not kept on disk", error=repr(error))
