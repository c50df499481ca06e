"""The envelope every event travels in. One message may carry several, as a JSON array: the publisher's batch."""

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Envelope(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """`id` makes consumers idempotent; `time` is when the fact happened; `trace` is a W3C traceparent, if there is one."""

    id: str
    type: str
    source: str
    time: datetime
    data: T
    trace: str | None = None
