"""Every call that reached the emulator: what came, how it ended, and what it costs by the emulator's own count.

In memory for tests in the same process, over HTTP (`control`) and, append-only, in a file for tests in which something is
killed: a call's first line is written before its answer begins, so a call that was answered is in the file.
"""

import asyncio
import os
import secrets
from collections import Counter, deque
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from common.clock import utc_now
from common.events.usage import Tokens

State = Literal["open", "finished", "aborted", "cut"]
"""`aborted`: the client went away first; `cut`: the emulator broke the answer off, as the model's name told it to."""

_BRIEF: Final = ("headers", "raw_body", "body")


class Call(msgspec.Struct, kw_only=True):
    """One request. `tokens` is the cost of the whole answer, whether or not it was sent or reported.

    `headers` as they came, names in lower case; `body` is parsed JSON, None when it is not JSON; `refused` says why the emulator
    did not accept the request, which in a test of the gateway is the gateway's fault; `bytes_sent` counts the answer's body.
    """

    number: int
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    arrived_at: datetime
    request_id: str | None = None
    raw_body: bytes = b""
    body: Any = None
    unknown_fields: list[str] = []
    model: str | None = None
    stream: bool = False
    state: State = "open"
    status: int | None = None
    refused: str | None = None
    events_sent: int = 0
    bytes_sent: int = 0
    tokens: Tokens | None = None
    usage_sent: bool = False
    ended_at: datetime | None = None

    def header(self, name: str) -> str | None:
        """The first header of that name, which is given in lower case."""
        return next((value for header, value in self.headers if header == name), None)

    def brief(self) -> dict[str, Any]:
        """All but the headers and the body, ready for JSON."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name not in _BRIEF}
        return dict(msgspec.to_builtins(fields))


class Calls:
    """Keeps the last `keep` calls (all when None), without their bodies if `bodies` is off; appends to `file` if given."""

    def __init__(self, *, keep: int | None = None, bodies: bool = True, file: Path | None = None) -> None:
        self._kept: deque[Call] = deque(maxlen=keep)
        self._bodies = bodies
        self._number = 0
        self._cleared = 0
        self._counts: Counter[str] = Counter()
        self._ended = asyncio.Event()
        # Numbers start anew when the emulator is started again on the same file; the run keeps them apart.
        self._run = secrets.token_hex(4)
        self._file = None if file is None else os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def arrived(self, *, method: str, path: str, query: str, headers: list[tuple[str, str]]) -> Call:
        """A call whose head has been read."""
        self._number += 1
        self._counts["arrived"] += 1
        call = Call(
            number=self._number,
            method=method,
            path=path,
            query=query,
            headers=headers,
            arrived_at=utc_now(),
        )
        call.request_id = call.header("x-request-id")
        self._kept.append(call)
        return call

    def read(self, call: Call) -> None:
        """The call's body has been read as far as it will be; the answer may begin."""
        self._write("arrived", call)

    def ended(self, call: Call, state: State) -> None:
        """Nothing more will be sent."""
        call.state = state
        call.ended_at = utc_now()
        if call.number > self._cleared:
            self._counts[state] += 1
            self._counts["refused"] += call.refused is not None
        if not self._bodies:
            call.raw_body, call.body = b"", None
        self._write("ended", call)
        self._ended.set()

    def all(self) -> list[Call]:
        """The kept calls, oldest first."""
        return list(self._kept)

    def count(self) -> dict[str, int]:
        """How many calls `arrived` since the last `clear`, how they stand now (see `State`), and how many were `refused`."""
        counts = {name: self._counts[name] for name in ("arrived", "finished", "aborted", "cut", "refused")}
        ended = sum(counts[name] for name in ("finished", "aborted", "cut"))
        return {**counts, "open": counts["arrived"] - ended}

    def clear(self) -> None:
        """Forgets what was counted and kept, calls under way included; the file stays."""
        self._cleared = self._number
        self._kept.clear()
        self._counts.clear()

    async def wait_ended(self, number: int, *, timeout: float) -> list[Call]:
        """All kept calls, as soon as `number` of them have arrived and none is open. Raises `TimeoutError`."""
        async with asyncio.timeout(timeout):
            while not (len(self._kept) >= number and all(call.ended_at for call in self._kept)):
                self._ended.clear()
                await self._ended.wait()
        return self.all()

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, event: str, call: Call) -> None:
        if self._file is not None:
            os.write(self._file, msgspec.json.encode({"event": event, "run": self._run, **call.brief()}) + b"\n")


def read_call_file(file: Path) -> list[dict[str, Any]]:
    """The calls of an append-only file, in the order of their arrival, each as it was last written; see `Call.brief`.

    A call without an end (`state` is `open`) was under way when the emulator was killed. A last line that was cut is left out.
    """
    calls: dict[tuple[str, int], dict[str, Any]] = {}
    for line in file.read_bytes().split(b"\n")[:-1]:
        call = msgspec.json.decode(line, type=dict[str, Any])
        calls[call["run"], call["number"]] = call
    return list(calls.values())
