"""`python -m tests.load.bare_libraries PORT UPSTREAM`: the bare proxy on the fastest libraries that were measured.

uvicorn (uvloop, httptools) and pyreqwest, as edge-proxy itself was built at first (docs/adr/0001).
"""

import gc
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pyreqwest.client import ClientBuilder

from common.lifecycle import serve
from devstack.ports import LOOPBACK

_HEADERS: Final = {"content-type": "application/json"}
Send = Callable[[dict[str, Any]], Awaitable[None]]


class BareProxy:
    """Passes a body there and a reply back. A stream is told by a glance at the body, as cheaply as it can be."""

    def __init__(self, upstream: str) -> None:
        self._url = f"http://{upstream}/v1/chat/completions"
        self._client = ClientBuilder().no_proxy().gzip(False).brotli(False).deflate(False).zstd(False).build()

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        if b'"stream":true' in body:
            await self._stream(body, send)
        else:
            await self._whole(body, send)

    async def _whole(self, body: bytes, send: Send) -> None:
        response = await self._client.post(self._url).headers(_HEADERS).body_bytes(body).build().send()
        content = bytes(await response.bytes())
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _stream(self, body: bytes, send: Send) -> None:
        request = self._client.post(self._url).headers(_HEADERS).body_bytes(body)
        async with request.streamed_read_buffer_limit(0).build_streamed() as response:
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            while (chunk := await response.body_reader.read_chunk()) is not None:
                await send({"type": "http.response.body", "body": bytes(chunk), "more_body": True})
            await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    # As edge-proxy does, so that the comparison is between what the two do for a call.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    serve(BareProxy(sys.argv[2]), host=LOOPBACK, port=int(sys.argv[1]), proxy_headers=False)
