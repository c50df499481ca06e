"""The client's end of a call: ASGI messages out, the request's body in, and the news that it has gone."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from common.ids import new_id
from edge_proxy.errors import BodyTooLarge, EdgeError, InvalidRequest

Send = Callable[[dict[str, Any]], Any]
Receive = Callable[[], Any]
Headers = list[tuple[bytes, bytes]]

_EVENT_STREAM: Final = (b"content-type", b"text/event-stream; charset=utf-8")
# Proxies in between must neither store nor collect a stream.
_NO_CACHE: Final = (b"cache-control", b"no-cache, no-transform")
_NO_BUFFERING: Final = (b"x-accel-buffering", b"no")


class Client:
    """One request's connection. Exactly one of `reply`, `error` or `write … finish` answers it."""

    __slots__ = ("_receive", "_send", "request_id", "started", "streaming")

    def __init__(self, *, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.request_id = new_id("req")
        self.started = False
        self.streaming = False

    async def body(self, headers: Headers, *, limit: int) -> bytes:
        """The request's body. Raises `BodyTooLarge`, early when its size is announced."""
        for name, value in headers:
            if name == b"content-length" and value.isdigit() and int(value) > limit:
                raise BodyTooLarge(f"The request body is larger than {limit} bytes.")
            if name == b"content-encoding" and value != b"identity":
                raise InvalidRequest("Compressed request bodies are not supported.", code="unsupported_encoding")
        message = await self._receive()
        if not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > limit:
                raise BodyTooLarge(f"The request body is larger than {limit} bytes.")
            return body
        parts = [message["body"]]
        size = len(parts[0])
        while message.get("more_body"):
            message = await self._receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise BodyTooLarge(f"The request body is larger than {limit} bytes.")
        return b"".join(parts)

    async def reply(
        self, status: int, body: bytes, *headers: tuple[bytes, bytes], content_type: bytes = b"application/json"
    ) -> None:
        length = (b"content-length", b"%d" % len(body))
        self.started = True
        head = [(b"content-type", content_type), length, (b"x-request-id", self.request_id.encode()), *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send({"type": "http.response.body", "body": body})

    async def error(self, error: EdgeError) -> None:
        """As a reply, or as a last event when a stream has begun."""
        if self.streaming:
            await self.write(b"data: " + error.body() + b"\n\n")
            await self.finish()
        else:
            await self.reply(error.http_status, error.body(), *error.headers)

    async def _start_stream(self) -> None:
        self.started = self.streaming = True
        head = [_EVENT_STREAM, _NO_CACHE, _NO_BUFFERING, (b"x-request-id", self.request_id.encode())]
        await self._send({"type": "http.response.start", "status": 200, "headers": head})

    async def write(self, data: bytes) -> None:
        """A stream's next bytes; the head goes out before the first, so that a failure before them still has a status.

        Returns once the connection takes more: a slow client slows the reading from the provider.
        """
        if not self.started:
            await self._start_stream()
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self) -> None:
        """The end of a stream."""
        if not self.started:
            await self._start_stream()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def watch(self, on_gone: Callable[[], None]) -> asyncio.Task[None]:
        """Call `on_gone` when the client closes its connection; cancel the task when it no longer matters."""

        async def wait() -> None:
            while (await self._receive())["type"] != "http.disconnect":
                pass
            on_gone()

        return asyncio.get_running_loop().create_task(wait())


def authorization(headers: Headers) -> bytes | None:
    """The Authorization header, if there is one."""
    for name, value in headers:
        if name == b"authorization":
            return value
    return None
