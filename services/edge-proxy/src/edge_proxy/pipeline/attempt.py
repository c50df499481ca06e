"""One try at a provider: send the request, and pass what comes back to the client.

A whole reply is returned, not sent: it goes out after the call is settled. A stream goes out as it arrives.
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Final

import msgspec
from prometheus_client import Counter

from edge_proxy.errors import ProviderFailed, ProviderTimeout
from edge_proxy.pipeline.call import Call
from edge_proxy.pipeline.watchdog import Watch, Watchdog
from edge_proxy.pricing.estimate import estimate_reply_tokens, estimate_stream_tokens
from edge_proxy.providers.base import StreamDecoder
from edge_proxy.server.client import Client
from edge_proxy.upstream.errors import ConnectFailed, ConnectTimeout, ReadTimeout, TransportBroken, TransportError
from edge_proxy.upstream.transport import Transport, UpstreamRequest, UpstreamResponse

_transport_failures = Counter("omg_edge_upstream_failures_total", "Calls that failed on the way.", ["provider", "kind"])


_KINDS: Final[Mapping[type[TransportError], str]] = {
    ConnectTimeout: "connect_timeout",
    ConnectFailed: "connect",
    ReadTimeout: "read_timeout",
    TransportBroken: "broken",
}


class Attempt(msgspec.Struct, frozen=True):
    """What an attempt needs of the process: the transport, and who watches the times."""

    transport: Transport
    watch: Watch

    async def run(self, call: Call, client: Client) -> bytes | None:
        """The reply's body, or None when it was streamed. Raises `ProviderError`, `ClientGone`."""
        with Watchdog(self.watch, total_at=call.total_at) as watchdog:
            # A reply wanted whole is paid for in any case: better to know its usage. One with a key is wanted by its next try.
            if call.request.stream and call.claim is None:
                client.on_gone = watchdog.client_gone
            try:
                response = await self.transport.send(_request(call))
                try:
                    return await self._pass_on(call, client, response, watchdog)
                finally:
                    await response.close()
            except TransportError as error:
                raise _translate(call, error) from error
            finally:
                client.on_gone = None

    async def _pass_on(
        self, call: Call, client: Client, response: UpstreamResponse, watchdog: Watchdog
    ) -> bytes | None:
        provider = call.route.provider
        if not 200 <= response.status < 300:
            raise provider.read_error(response.status, await response.read(), response.header("retry-after"))
        if (response.header("content-type") or "").startswith("text/event-stream"):
            await self._stream(call, client, response, watchdog)
            return None
        body = await response.read()
        call.first_byte = perf_counter()
        reply = provider.read_chat_reply(body)
        tokens = reply.tokens or estimate_reply_tokens(body_size=call.request.body_size, reply_size=len(body))
        call.succeeded(tokens, estimated=reply.tokens is None)
        return reply.body

    async def _stream(self, call: Call, client: Client, response: UpstreamResponse, watchdog: Watchdog) -> None:
        decoder = call.route.provider.chat_stream(call.request)
        watchdog.expect(self.watch.limits.first_byte)
        try:
            while (chunk := await response.chunk()) is not None:
                if call.first_byte is None:
                    call.first_byte = perf_counter()
                data = decoder.feed(chunk)
                if data:
                    _send(call, client, data)
                    if client.stalled:
                        watchdog.pause()
                        await client.drained()
                if decoder.error is not None:
                    raise decoder.error
                watchdog.expect(self.watch.limits.idle)
            rest = decoder.finish()
            if not decoder.complete:
                raise ProviderFailed("The provider ended the stream early.", code="provider_stream_truncated")
            if rest:
                _send(call, client, rest)
        finally:
            _count_stream(call, decoder)
        call.succeeded(call.tokens, estimated=call.estimated)


def _request(call: Call) -> UpstreamRequest:
    route = call.route
    return UpstreamRequest(
        url=route.provider.chat_url(route.base_url),
        headers=route.headers,
        request_id=call.id,
        body=route.provider.chat_body(call.request, route.model_json),
        stream=call.request.stream,
    )


def served_by(call: Call) -> tuple[tuple[bytes, bytes], ...]:
    """Headers that tell which route served the call, and in how many tries."""
    return ((b"x-omg-route", call.route.id.encode()), (b"x-omg-attempts", b"%d" % call.tries))


def _send(call: Call, client: Client, data: bytes) -> None:
    if not client.streaming:
        for header in served_by(call):
            client.add_header(*header)
        if call.claim is not None:
            call.claim.begin(200, served_by(call))
    if call.claim is not None:
        call.claim.piece(data)
    client.write(data)


def _count_stream(call: Call, decoder: StreamDecoder) -> None:
    """However a stream ended, what was received is accounted."""
    call.estimated = decoder.tokens is None
    call.tokens = decoder.tokens or estimate_stream_tokens(body_size=call.request.body_size, events=decoder.events)


def _translate(call: Call, error: TransportError) -> ProviderFailed | ProviderTimeout:
    kind = _KINDS[type(error)]
    _transport_failures.labels(call.route.provider.name, kind).inc()
    if isinstance(error, ReadTimeout):
        return ProviderTimeout("The provider did not answer in time.")
    if isinstance(error, ConnectTimeout):
        return ProviderTimeout("The provider could not be reached in time.")
    if isinstance(error, ConnectFailed):
        return ProviderFailed("The provider could not be reached.", kind="connection", code="provider_unreachable")
    return ProviderFailed("The connection to the provider broke.", kind="connection", code="provider_connection_lost")
