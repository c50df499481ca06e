"""`python -m tests.load.stream_upstream PORT`: a provider that streams, made to cost as little as possible.

Each reply is 52 pieces, one write each, a few milliseconds apart: as from a model, they reach the proxy one by one. (Sent at
once they would arrive together, and the proxy would handle all of them in one read.) `GET /count` tells how many replies were
begun and how many pieces were sent.
"""

import asyncio
import json
import sys
from typing import Any, Final, cast

import uvloop

from devstack.ports import LOOPBACK

PIECES: Final = 52
PAUSE_S: Final = 0.004


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


EVENTS: Final = (
    _delta(role="assistant", content=""),
    *(_delta(content=f" word{number}") for number in range(PIECES - 4)),
    _delta("stop"),
    _event(choices=[], usage={"prompt_tokens": 57, "completion_tokens": 48, "total_tokens": 105}),
    b"data: [DONE]\n\n",
)
assert len(EVENTS) == PIECES

_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_WRITES: Final = [b"%x\r\n%b\r\n" % (len(event), event) for event in EVENTS]
_WRITES[0] = _HEAD + _WRITES[0]
_WRITES[-1] += b"0\r\n\r\n"


class _Provider(asyncio.Protocol):
    """One kept-open connection: reads a request, writes the pieces, reads the next."""

    replies = 0
    pieces = 0

    def __init__(self) -> None:
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
        self._transport.write(_WRITES[number])
        _Provider.pieces += 1
        if number + 1 < PIECES:
            asyncio.get_running_loop().call_later(PAUSE_S, self._write, number + 1)


def _body_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Provider, LOOPBACK, port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
