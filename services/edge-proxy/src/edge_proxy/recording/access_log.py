"""One canonical log line per call: its usage event, as it was encoded, written in small batches.

Encoding a second time or a `write` per call would cost more than the line. Like the event it holds ids, numbers and outcomes:
no prompt, no answer, no secret.
"""

import asyncio
import sys
from typing import Final

_DELAY_S: Final = 0.05


class AccessLog:
    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add(self, event: bytes) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(_DELAY_S, self.flush)
        self._lines.append(b'{"event":"call","level":"info","service":"edge-proxy","usage":%b}\n' % event)

    def flush(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            sys.stdout.buffer.write(b"".join(lines))
            sys.stdout.buffer.flush()
