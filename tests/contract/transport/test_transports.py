"""One contract, both transports: what the pipeline may rely on, shown against a real socket that does as it is told."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from devstack.ports import free_port
from edge_proxy.upstream.errors import ConnectFailed, ConnectTimeout, ReadTimeout, TransportBroken
from edge_proxy.upstream.http1.transport import Http1Transport
from edge_proxy.upstream.pyreqwest_transport import PyreqwestTransport
from edge_proxy.upstream.transport import Transport, UpstreamRequest

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Upstream:
    """Reads one request per connection and hands it to `handler`."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.gone = asyncio.Event()

    async def start(self, handler: Handler) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                _, found, rest = head.lower().partition(b"content-length:")
                length = int(rest.split(b"\r\n")[0]) if found else 0
                self.requests.append(head + await reader.readexactly(length))
                await handler(reader, writer, self.requests[-1])
            except (ConnectionError, asyncio.IncompleteReadError):
                self.gone.set()
            finally:
                writer.close()

        self._server = await asyncio.start_server(serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    upstream = Upstream()
    yield upstream
    if hasattr(upstream, "_server"):
        await upstream.stop()


@pytest.fixture(params=[Http1Transport, PyreqwestTransport])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    transport: Transport = request.param(connect_timeout_s=0.5, read_timeout_s=1.5)
    yield transport
    await transport.close()


def request_to(url: str, *, stream: bool) -> UpstreamRequest:
    headers = (("content-type", "application/json"), ("authorization", "Bearer x"))
    return UpstreamRequest(url=url + "/v1/chat", headers=headers, request_id="req_1", body=b'{"a":1}', stream=stream)


def reply(status: bytes, body: bytes, *headers: bytes) -> Handler:
    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _request: bytes) -> None:
        lines = [b"HTTP/1.1 " + status, b"content-length: %d" % len(body), *headers]
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        await writer.drain()

    return handle


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize("stream", [False, True])
async def test_status_headers_and_body_come_back_as_sent(
    transport: Transport, upstream: Upstream, stream: bool
) -> None:
    url = await upstream.start(
        reply(b"429 Too Many Requests", b"\x1f\x8bnot touched", b"Retry-After: 7", b"content-encoding: gzip")
    )
    response = await transport.send(request_to(url, stream=stream))
    assert (response.status, response.header("retry-after"), response.header("absent")) == (429, "7", None)
    assert await response.read() == b"\x1f\x8bnot touched"
    await response.close()
    head, _, body = upstream.requests[0].partition(b"\r\n\r\n")
    assert body == b'{"a":1}'
    lowered = head.lower()
    assert lowered.startswith(b"post /v1/chat http/1.1")
    assert b"authorization: bearer x" in lowered
    assert b"x-request-id: req_1" in lowered


@pytest.mark.parametrize("stream", [False, True])
async def test_a_get_has_no_body(transport: Transport, upstream: Upstream, stream: bool) -> None:
    url = await upstream.start(reply(b"200 OK", b"{}"))
    request = UpstreamRequest(
        method="GET",
        url=url + "/v1/models",
        headers=(("authorization", "Bearer x"),),
        request_id="chk_1",
        body=b"",
        stream=stream,
    )
    response = await transport.send(request)
    assert (response.status, await response.read()) == (200, b"{}")
    await response.close()
    head, _, body = upstream.requests[0].lower().partition(b"\r\n\r\n")
    assert body == b""
    assert head.startswith(b"get /v1/models http/1.1\r\n")
    assert b"authorization: bearer x" in head
    assert b"content-length" not in head
    assert b"transfer-encoding" not in head


async def test_redirects_are_not_followed(transport: Transport, upstream: Upstream) -> None:
    url = await upstream.start(reply(b"302 Found", b"", b"location: http://127.0.0.1:1/elsewhere"))
    response = await transport.send(request_to(url, stream=False))
    assert response.status == 302
    await response.close()


async def test_a_streams_head_and_pieces_arrive_while_the_provider_still_works(
    transport: Transport, upstream: Upstream
) -> None:
    go_on = [asyncio.Event(), asyncio.Event(), asyncio.Event()]

    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _request: bytes) -> None:
        writer.write(STREAM_HEAD)
        for number, event in enumerate(go_on):
            await event.wait()
            writer.write(chunk(b"piece %d" % number))
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    response = await transport.send(request_to(await upstream.start(handle), stream=True))
    for number, event in enumerate(go_on):
        event.set()
        async with asyncio.timeout(5):
            assert await response.chunk() == b"piece %d" % number
    assert await response.chunk() is None
    await response.close()


async def test_closing_early_ends_the_providers_work(transport: Transport, upstream: Upstream) -> None:
    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _request: bytes) -> None:
        writer.write(STREAM_HEAD)
        while True:
            writer.write(chunk(b"x" * 1000))
            await writer.drain()
            await asyncio.sleep(0.01)

    response = await transport.send(request_to(await upstream.start(handle), stream=True))
    await response.chunk()
    await response.close()
    async with asyncio.timeout(5):
        await upstream.gone.wait()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_silent_provider_times_out_and_its_connection_is_closed(
    transport: Transport, upstream: Upstream, stream: bool
) -> None:
    async def handle(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, _request: bytes) -> None:
        if await reader.read(1) == b"":
            upstream.gone.set()

    with pytest.raises(ReadTimeout):
        await transport.send(request_to(await upstream.start(handle), stream=stream))
    async with asyncio.timeout(5):
        await upstream.gone.wait()


async def test_a_slow_reader_slows_the_provider(transport: Transport, upstream: Upstream) -> None:
    sent = 0

    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _request: bytes) -> None:
        nonlocal sent
        writer.write(STREAM_HEAD)
        while True:
            writer.write(chunk(b"x" * 65536))
            await writer.drain()
            sent += 65536

    response = await transport.send(request_to(await upstream.start(handle), stream=True))
    await response.chunk()
    before = -1
    async with asyncio.timeout(20):
        while sent != before:  # until the provider is stuck: socket buffers are all that may fill
            before = sent
            await asyncio.sleep(0.3)
    assert sent < 32 * 1024 * 1024
    await response.close()


async def test_a_refused_connection_never_left(transport: Transport) -> None:
    with pytest.raises(ConnectFailed):
        await transport.send(request_to(f"http://127.0.0.1:{free_port()}", stream=False))


@pytest.mark.parametrize("url", ["http://no-such-host.invalid", "nonsense", "ftp://127.0.0.1:1"])
async def test_an_impossible_url_never_left(transport: Transport, url: str) -> None:
    with pytest.raises(ConnectFailed):
        await transport.send(request_to(url, stream=True))


async def test_a_connection_nobody_accepts_times_out(transport: Transport) -> None:
    """A listener whose backlog is full drops the handshake, as an unreachable host does."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = listener.getsockname()[1]
    fillers = [asyncio.create_task(asyncio.open_connection("127.0.0.1", port)) for _ in range(4)]
    await asyncio.sleep(0.1)
    with pytest.raises(ConnectTimeout):
        await transport.send(request_to(f"http://127.0.0.1:{port}", stream=False))
    for filler in fillers:
        filler.cancel()
    for result in await asyncio.gather(*fillers, return_exceptions=True):
        if not isinstance(result, BaseException):
            result[1].close()
    listener.close()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this", b"garbage\r\n\r\n"])
async def test_a_reply_cut_short_is_broken(transport: Transport, upstream: Upstream, sent: bytes, stream: bool) -> None:
    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _request: bytes) -> None:
        writer.write(sent)
        await writer.drain()

    url = await upstream.start(handle)
    with pytest.raises(TransportBroken):
        await (await transport.send(request_to(url, stream=stream))).read()
