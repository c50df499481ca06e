"""`python -m tests.load.bare PORT UPSTREAM`: the least a proxy can do on the HTTP server and client of edge-proxy.

It reads no key, looks at no field, counts nothing and tells nobody. What edge-proxy costs beyond this is ours to answer for.
"""

import asyncio
import gc
import sys
from typing import Final

import uvloop

from devstack.ports import LOOPBACK
from edge_proxy.server.client import Client
from edge_proxy.server.server import Server
from edge_proxy.upstream.http1.transport import Http1Transport
from edge_proxy.upstream.transport import UpstreamRequest

_HEADERS: Final = (("content-type", "application/json"),)
_MAX_BODY: Final = 1024 * 1024


class BareProxy:
    """Passes a body there and a reply back. A stream is told by a glance at the body, as cheaply as it can be."""

    def __init__(self, upstream: str) -> None:
        self._url = f"http://{upstream}/v1/chat/completions"
        self._transport = Http1Transport(connect_timeout_s=5, read_timeout_s=60)

    async def answer(self, client: Client) -> None:
        body = await client.body(limit=_MAX_BODY)
        stream = b'"stream":true' in body
        response = await self._transport.send(UpstreamRequest(self._url, _HEADERS, client.request_id, body, stream))
        if not stream:
            client.reply(response.status, await response.read())
            return
        while (chunk := await response.chunk()) is not None:
            client.write(chunk)
            if client.stalled:
                await client.drained()
        client.finish()


async def _serve(port: int, upstream: str) -> None:
    await Server(BareProxy(upstream).answer).start(host=LOOPBACK, port=port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    # As edge-proxy does, so that the comparison is between what the two do for a call.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1]), sys.argv[2]))
