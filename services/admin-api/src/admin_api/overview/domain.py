"""What an overview holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.events.status import EdgeStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerState:
    """`waiting`: messages never delivered yet; `unsettled`: delivered and not acknowledged; `asking`: pulls that wait for work, so
    that somebody is there who would do it."""

    stream: str
    name: str
    waiting: int
    unsettled: int
    asking: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    name: str
    messages: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """`checks` by dependency: `ok`, or the kind of its failure. Without NATS there are no streams, consumers or replicas to see."""

    checks: Mapping[str, str]
    outbox_waiting: int | None
    latest_call_at: datetime | None
    streams: Sequence[StreamState]
    consumers: Sequence[ConsumerState]
    edges: Sequence[EdgeStatus]
