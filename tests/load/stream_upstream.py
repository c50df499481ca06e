"""`python -m tests.load.stream_upstream PORT`: a provider that streams, made to cost as little as possible.

Each reply is 52 pieces, one write each, a few milliseconds apart: as from a model, they reach the proxy one by one. (Sent at
once they would arrive together, and the proxy would handle all of them in one read.) `GET /count` tells how many replies were
begun and how many pieces were sent.

`--pause` makes them slower. With `--stamped`, each word is the moment it was sent, in nanoseconds of the monotonic clock, which all
processes of a machine share.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterable
from typing import Any, Final, cast

import uvloop

from devstack.ports import LOOPBACK

PIECES: Final = 52
WORDS: Final = PIECES - 4
PAUSE_S: Final = 0.004
STAMP_DIGITS: Final = 19
NO_STAMP: Final = b"0" * STAMP_DIGITS


def _event(**fields: Any) -> bytes:
    common = {
        "id": "chatcmpl-0123456789abcdef0123456789abcd",
        "object": "chat.completion.chunk",
        "created": 1770000000,
        "model": "bench-model-2026-01-01",
    }
    return b"data: " + json.dumps(common | fields, separators=(",", ":")).encode() + b"\n\n"


def _delta(finish_reason: str | None = None, **delta: str) -> bytes:
    return _event(choices=[{"index": 0, "delta": delta, "finish_reason": finish_reason}])


def _events(words: Iterable[str]) -> tuple[bytes, ...]:
    return (
        _delta(role="assistant", content=""),
        *(_delta(content=word) for word in words),
        _delta("stop"),
        _event(choices=[], usage={"prompt_tokens": 57, "completion_tokens": WORDS, "total_tokens": 57 + WORDS}),
        b"data: [DONE]\n\n",
    )


def stamped_events() -> tuple[bytes, ...]:
    """Those of a stamped stream, with zeros where the moment will be."""
    return _events([NO_STAMP.decode()] * WORDS)


EVENTS: Final = _events(f" word{number}" for number in range(WORDS))
assert len(EVENTS) == PIECES

_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _writes(events: Iterable[bytes]) -> list[bytes]:
    writes = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    writes[0] = _HEAD + writes[0]
    writes[-1] += b"0\r\n\r\n"
    return writes


_WRITES: Final = _writes(EVENTS)
_STAMPED_WRITES: Final = _writes(stamped_events())


class _Provider(asyncio.Protocol):
    """One kept-open connection: reads a request, writes the pieces, reads the next."""

    replies = 0
    pieces = 0

    def __init__(self, *, pause_s: float, stamped: bool) -> None:
        self._pause_s = pause_s
        self._stamped = stamped
        self._writes = _STAMPED_WRITES if stamped else _WRITES
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by name

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < _body_length(head):
            return
        self._received = b""
        if head.startswith(b"GET /count"):
            count = b"%d %d" % (_Provider.replies, _Provider.pieces)
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(count), count))
        else:
            _Provider.replies += 1
            self._write(0)

    def _write(self, number: int) -> None:
        if self._transport.is_closing():
            return
        piece = self._writes[number]
        if self._stamped:
            piece = piece.replace(NO_STAMP, b"%0*d" % (STAMP_DIGITS, time.monotonic_ns()))
        self._transport.write(piece)
        _Provider.pieces += 1
        if number + 1 < PIECES:
            asyncio.get_running_loop().call_later(self._pause_s, self._write, number + 1)


def _body_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


async def _serve(port: int, *, pause_s: float, stamped: bool) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: _Provider(pause_s=pause_s, stamped=stamped), LOOPBACK, port, backlog=2048
    )
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.load.stream_upstream")
    parser.add_argument("port", type=int)
    parser.add_argument("--pause", type=float, default=PAUSE_S, help="seconds between two pieces")
    parser.add_argument("--stamped", action="store_true", help="each word is the moment it was sent")
    options = parser.parse_args()
    uvloop.run(_serve(options.port, pause_s=options.pause, stamped=options.stamped))


if __name__ == "__main__":
    main()
