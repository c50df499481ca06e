"""What a journal line holds, and reading a segment back: settled events, and calls that were begun and never settled.

A torn last line (the kill hit the write) is skipped and counted; so is any other line that cannot be read.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import Counter

from common.events.usage import Tokens
from edge_proxy.recording.journal import BEGIN, END

_unreadable: Final = Counter("omg_edge_journal_unreadable_lines_total", "Journal lines that could not be read back.")


class Begun(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is noted of a call before it goes upstream: all an `interrupted` event needs. No prompt, no secret."""

    id: str
    time: datetime
    tenant_id: str
    key_id: str
    alias: str
    route_id: str
    provider: str
    model: str
    operation: str
    stream: bool
    prices: dict[str, int]
    price_version: str
    estimate: Tokens
    end_user: str | None = None
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}


class _EventId(msgspec.Struct):
    id: str


_begun = msgspec.json.Decoder(Begun)
_event_ids = msgspec.json.Decoder(_EventId)


def read_events(path: Path) -> Iterator[bytes]:
    """The settled events of a segment, as they were encoded."""
    for kind, line in _lines(path):
        if kind == END:
            try:
                _event_ids.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                _unreadable.inc()
                continue
            yield line


def read_interrupted(paths: Iterable[Path]) -> list[Begun]:
    """The calls that `paths` together begin and do not end, in order."""
    begun: dict[str, Begun] = {}
    ended: set[str] = set()
    for path in paths:
        for kind, line in _lines(path):
            try:
                if kind == BEGIN:
                    call = _begun.decode(line)
                    begun[call.id] = call
                elif kind == END:
                    ended.add(_event_ids.decode(line).id)
                else:
                    _unreadable.inc()
            except (msgspec.DecodeError, UnicodeDecodeError):
                _unreadable.inc()
    return [call for id_, call in begun.items() if id_ not in ended]


def _lines(path: Path) -> Iterator[tuple[bytes, bytes]]:
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line[:1], line[1:-1]
            else:
                _unreadable.inc()
