"""The call journal: a write-ahead log of calls on local disk, and the spool of usage events while NATS is away.

A call is noted when it begins (`B`, before anything is sent to a provider) and when it is settled (`E`, its usage event).
Each note is one line appended with one `write`, which survives `kill -9` of the process; there is no fsync per call, so a
power cut may lose what the kernel had not written yet.

Lines live in segments. A segment is deleted when it is no longer written to, every call begun in it is settled, and every
event of those calls has been acknowledged by JetStream. What a former process left behind is read by `recovery`.

Failure policy: a begin that cannot be written, or a journal above its size limit, refuses the call (503, `omg_edge_journal_*`):
no call is made that could not be accounted, and calls are taken again once there is room. A settle that cannot be written stays
in memory and is published from there.
"""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from prometheus_client import Counter, Gauge

from common.logging import get_logger

BEGIN: Final = b"B"
END: Final = b"E"
_SEGMENT_BYTES: Final = 8 * 1024 * 1024

_log = get_logger(__name__)
_bytes = Gauge("omg_edge_journal_bytes", "Size of the call journal on disk.")
_failures = Counter("omg_edge_journal_write_failures_total", "Journal lines that could not be written.", ["line"])


class JournalError(Exception):
    """A call cannot be journalled: the disk refuses, or the journal is full."""


class JournalInUseError(Exception):
    """Another process holds this journal."""


class Segment:
    """One file. `pending` counts what keeps it: begins and ends of calls whose event is not yet acknowledged."""

    __slots__ = ("path", "pending", "size", "unread")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.pending = 0
        self.unread = False
        """Holds events that were dropped from memory: they are published from the file."""


class Journal:
    """One process's journal in `folder`; a context manager that holds the folder's lock."""

    def __init__(self, folder: Path, *, max_bytes: int, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._total = 0
        self._sequence = 0
        self._lock = -1
        self._file = -1
        self._current = Segment(folder)
        self._segments: list[Segment] = []

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise JournalInUseError(f"{self._folder} is in use by another process") from None
        for path in sorted(self._folder.glob("*.journal")):
            segment = Segment(path)
            segment.size = path.stat().st_size
            segment.pending = 1  # released by recovery
            self._segments.append(segment)
            self._total += segment.size
        self._open_segment()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)
        self._segments.append(self._current)
        self._file = -1
        self.collect()
        os.close(self._lock)

    @property
    def is_full(self) -> bool:
        return self._total >= self._max_bytes

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._total

    @property
    def current(self) -> Segment:
        """The segment being written."""
        return self._current

    @property
    def leftovers(self) -> list[Segment]:
        """Finished segments that still hold something, oldest first."""
        return list(self._segments)

    def begin(self, line: bytes) -> Segment:
        """Note a call before it goes upstream; the segment is kept until `release`. Raises `JournalError`."""
        if self.is_full:
            _failures.labels(line="begin").inc()
            raise JournalError("the call journal is full")
        try:
            self._write(BEGIN + line + b"\n")
        except OSError as error:
            _failures.labels(line="begin").inc()
            raise JournalError("the call journal cannot be written") from error
        return self.hold()

    def hold(self) -> Segment:
        """Keep the current segment until `release`."""
        self._current.pending += 1
        return self._current

    def end(self, line: bytes) -> Segment:
        """Note a call's usage event; the segment it went to is kept until `release`."""
        try:
            self._write(END + line + b"\n")
        except OSError as error:
            _failures.labels(line="end").inc()
            _log.error("a usage event is in memory only", error=repr(error))
        return self.hold()

    def release(self, segment: Segment) -> None:
        """A call's event is acknowledged: its note in `segment` is no longer needed."""
        segment.pending -= 1

    def rotate(self) -> None:
        """Finish the current segment, so that it can be read or deleted. Raises `OSError` when there can be no other."""
        if self._current.size:
            finished, file = self._current, self._file
            self._open_segment()
            self._segments.append(finished)
            os.close(file)

    def collect(self) -> None:
        """Delete finished segments that nothing keeps; a full journal lets go of the current one too, once nothing is in it."""
        if self.is_full and not (self._current.pending or self._current.unread):
            self.rotate()
        kept = []
        for segment in self._segments:
            if segment.pending > 0 or segment.unread:
                kept.append(segment)
                continue
            segment.path.unlink(missing_ok=True)
            self._total -= segment.size
        self._segments = kept
        _bytes.set(self._total)

    def _write(self, line: bytes) -> None:
        if self._current.size + len(line) > self._segment_bytes:
            self.rotate()
        written = os.write(self._file, line)
        self._current.size += written
        self._total += written
        if written != len(line):
            raise OSError("short write to the call journal")

    def _open_segment(self) -> None:
        self._sequence += 1
        path = self._folder / f"{time.time_ns():020d}-{self._sequence:06d}.journal"
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._current = Segment(path)
