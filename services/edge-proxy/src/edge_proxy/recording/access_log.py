"""One canonical log line per call, written in small batches: a `write` per call would cost more than the line.

The line holds ids, numbers and outcomes: no prompt, no answer, no secret.
"""

import asyncio
import sys
from typing import Final

import msgspec

_DELAY_S: Final = 0.05

_encode = msgspec.json.Encoder().encode


class AccessLog:
    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add(self, line: dict[str, object]) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(_DELAY_S, self.flush)
        self._lines.append(_encode(line))

    def flush(self) -> None:
        if self._lines:
            lines, self._lines = self._lines, []
            sys.stdout.buffer.write(b"\n".join(lines) + b"\n")
            sys.stdout.buffer.flush()
