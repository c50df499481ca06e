"""The last known configuration on local disk, so that an edge starts and serves with NATS and admin-api down.

One line per record, `[bucket, key, record or null]`, of which a key's last one counts: a change costs one line, however many
keys there are. Once the file has doubled it is written anew. It holds what the KV buckets hold: key hashes and sealed
credentials, nothing in clear; it is readable by its owner only. A damaged or missing file is as good as none, a last line that a
kill cut short is left out.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from prometheus_client import Counter

from common.logging import get_logger

Records = dict[str, dict[str, bytes]]
"""Bucket → key → record, as in NATS."""

Change = tuple[str, str, bytes | None]
"""Bucket, key, and the record; None when it was deleted."""

_LINES_AT_ONCE: Final = 1000
_SHORTEST_TO_REWRITE: Final = 1024**2

_log = get_logger(__name__)
_failures: Final = Counter("omg_edge_config_save_failures_total", "Times the configuration could not be kept on disk.")
_decoder: Final = msgspec.json.Decoder(tuple[str, str, msgspec.Raw])
_encode_lines: Final = msgspec.json.Encoder().encode_lines
_NULL: Final = b"null"


class SavedConfiguration:
    """Failure policy: the disk's refusal is logged and counted, nothing else; the next change writes the file anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size_anew = 0
        self._size = 0

    @property
    def has_grown(self) -> bool:
        """So much that it should be written anew; also when there is none to add to."""
        return not self._size_anew or self._size > 2 * max(self._size_anew, _SHORTEST_TO_REWRITE)

    def load(self) -> Records | None:
        records: Records = {}
        try:
            with self._path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        bucket, key, value = _decoder.decode(line)
                        if value == _NULL:
                            records.setdefault(bucket, {}).pop(key, None)
                        else:
                            records.setdefault(bucket, {})[key] = bytes(value)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            _log.error("the saved configuration is unusable", error=repr(error))
            return None
        return records

    def add(self, changes: Iterable[Change]) -> None:
        try:
            with self._path.open("ab") as file:
                self._size += _write(file, changes)
        except OSError as error:
            self._failed(error)

    def write(self, records: Mapping[str, Mapping[str, bytes]]) -> None:
        """Replace the file atomically."""
        fresh = self._path.with_suffix(".new")
        changes = ((bucket, key, value) for bucket, kept in records.items() for key, value in kept.items())
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                size = _write(file, changes)
            fresh.replace(self._path)
        except OSError as error:
            self._failed(error)
        else:
            self._size = self._size_anew = max(size, 1)

    def _failed(self, error: OSError) -> None:
        self._size_anew = 0  # what is there may not be whole
        _failures.inc()
        _log.error("the configuration is not kept on disk", error=repr(error))


def _write(file: BinaryIO, changes: Iterable[Change]) -> int:
    """Some lines at a time: the event loop's thread waits for the interpreter while they are encoded."""
    size = 0
    for lines in _batches(changes):
        size += file.write(_encode_lines([(bucket, key, _one_line(value)) for bucket, key, value in lines]))
    file.flush()
    os.fsync(file.fileno())
    return size


def _one_line(value: bytes | None) -> msgspec.Raw:
    """In JSON, a line's end is nothing but a space."""
    return msgspec.Raw(_NULL if value is None else value.replace(b"\n", b" "))


def _batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    rest = iter(changes)
    while lines := list(islice(rest, _LINES_AT_ONCE)):
        yield lines
