"""One canonical log line per call: its usage event, as it was encoded, written in small batches.

Encoding a second time or a `write` per call would cost more than the line. Like the event it holds ids, numbers and outcomes:
no prompt, no answer, no secret.
"""

import asyncio
import sys
from typing import Final

_DELAY_S: Final = 0.05
_BEGIN: Final = b'{"event":"call","level":"info","service":"edge-proxy","usage":'
_END: Final = b"}\n"
_BETWEEN: Final = _END + _BEGIN


class AccessLog:
    def __init__(self) -> None:
        self._events: list[bytes] = []

    def add(self, event: bytes) -> None:
        if not self._events:
            asyncio.get_running_loop().call_later(_DELAY_S, self.flush)
        self._events.append(event)

    def flush(self) -> None:
        if self._events:
            events, self._events = self._events, []
            sys.stdout.buffer.write(_BEGIN + _BETWEEN.join(events) + _END)
            sys.stdout.buffer.flush()
