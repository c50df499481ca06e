"""The HTTP server, over real sockets that say what they should not, or too slowly, or too much at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from devstack.ports import free_port
from edge_proxy.app import EdgeApp
from edge_proxy.errors import EdgeError
from edge_proxy.server.client import Client, ClientGone
from edge_proxy.server.connection import Limits
from edge_proxy.server.server import Server

QUICK = Limits(head=0.3, body=0.3, keep_alive=0.5, stalled=0.5, linger=0.2, head_bytes=4096)
LIMIT = 100_000
Answer = Callable[[Client], Awaitable[None]]


async def echo(client: Client) -> None:
    """The path and the body, or the error of reading it."""
    try:
        body = await client.body(limit=LIMIT)
        client.reply(200, client.method + b" " + client.path.encode() + b" " + body, content_type=b"text/plain")
    except EdgeError as error:
        client.error(error)


class Peer:
    """A client that writes bytes and reads answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), dict(pairs)

    async def answer(self) -> tuple[int, bytes]:
        status, headers = await self.head()
        return status, await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def is_closed(self) -> bool:
        try:
            async with asyncio.timeout(5):
                return await self.reader.read() == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def running(
    answer: Answer = echo, *, limits: Limits | None = None
) -> AsyncIterator[tuple[Server, Callable[[], Awaitable[Peer]]]]:
    """A server and how to connect to it."""
    server = Server(answer, limits=limits)  # type: ignore[arg-type]
    port = free_port()
    await server.start(host="127.0.0.1", port=port)
    peers: list[Peer] = []

    async def connect() -> Peer:
        peers.append(Peer(*await asyncio.open_connection("127.0.0.1", port)))
        return peers[-1]

    try:
        async with asyncio.timeout(20):
            yield server, connect
    finally:
        for peer in peers:
            peer.writer.close()
        await server.stop(grace_s=0)


def post(body: bytes, *headers: bytes, path: bytes = b"/") -> bytes:
    lines = [b"POST %b HTTP/1.1" % path, b"host: x", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def test_one_connection_carries_many_requests_also_in_pieces_and_back_to_back() -> None:
    async with running() as (_, connect):
        peer = await connect()
        for number in range(3):
            peer.send(post(b"%d" % number))
            assert await peer.answer() == (200, b"POST / %d" % number)
        for byte in post(b"slow", path=b"/a%2Fb?c=d"):
            peer.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await peer.answer() == (200, b"POST /a/b slow")
        peer.send(post(b"one") + post(b"two") + post(b"three"))
        assert [await peer.answer() for _ in range(3)] == [
            (200, b"POST / one"),
            (200, b"POST / two"),
            (200, b"POST / three"),
        ]
        peer.send(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert await peer.answer() == (200, b"POST / abcde")
        peer.send(post(b"last", b"connection: close"))
        assert await peer.answer() == (200, b"POST / last")
        assert await peer.is_closed()


async def test_pipelined_answers_come_in_order_however_long_the_first_takes() -> None:
    go = asyncio.Event()

    async def answer(client: Client) -> None:
        if client.path == "/slow":
            await go.wait()
        await echo(client)

    async with running(answer) as (_, connect):
        peer = await connect()
        peer.send(post(b"1", path=b"/slow") + post(b"2", path=b"/fast"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await peer.reader.read(1)
        go.set()
        assert [await peer.answer(), await peer.answer()] == [(200, b"POST /slow 1"), (200, b"POST /fast 2")]


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked() -> None:
    async with running() as (_, connect):
        peer = await connect()
        peer.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        assert (await peer.head())[0] == 100
        peer.send(b"body")
        assert await peer.answer() == (200, b"POST / body")


async def test_an_offer_of_http_2_is_declined_and_the_request_answered() -> None:
    offer = (
        b"connection: Upgrade, HTTP2-Settings",
        b"upgrade: h2c",
        b"http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    )
    async with running() as (_, connect):
        peer = await connect()
        for body in (b"java", b"x" * 50_000, b""):
            peer.send(post(body, *offer) + post(b"after"))
            assert await peer.answer() == (200, b"POST / " + body)
            assert await peer.answer() == (200, b"POST / after")


async def test_http_1_0_gets_no_chunks_and_an_end_by_closing() -> None:
    async def answer(client: Client) -> None:
        client.write(b"one ")
        client.write(b"two")
        client.finish()

    async with running(answer) as (_, connect):
        peer = await connect()
        peer.send(b"GET / HTTP/1.0\r\n\r\n")
        status, headers = await peer.head()
        assert (status, headers["connection"]) == (200, "close")
        assert await peer.reader.read() == b"one two"


async def test_a_stream_is_chunked_and_the_connection_goes_on() -> None:
    async def answer(client: Client) -> None:
        for piece in (b"one", b"two"):
            client.write(piece)
        client.finish()

    async with running(answer) as (_, connect):
        peer = await connect()
        for _ in range(2):
            peer.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            status, headers = await peer.head()
            assert (status, headers["transfer-encoding"]) == (200, "chunked")
            assert await peer.reader.readexactly(21) == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


async def test_head_gets_the_head_only() -> None:
    async with running() as (_, connect):
        peer = await connect()
        peer.send(b"HEAD /x HTTP/1.1\r\nhost: x\r\n\r\n" + post(b"next"))
        status, headers = await peer.head()
        assert (status, headers["content-length"]) == (200, "8")
        assert await peer.answer() == (200, b"POST / next")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nbroken\x00header\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\nbig: " + b"x" * 5000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 5000, 431),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nhost:", 408),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf", 408),
    ],
)
async def test_what_is_broken_too_large_or_too_slow_is_told_so_and_closed(raw: bytes, status: int) -> None:
    async with running(limits=QUICK) as (_, connect):
        peer = await connect()
        peer.send(raw)
        answered, headers = await peer.head()
        assert (answered, headers["connection"]) == (status, "close")
        assert b'"error"' in await peer.reader.readexactly(int(headers["content-length"]))
        assert await peer.is_closed()


async def test_a_refusal_reaches_a_client_that_is_still_sending() -> None:
    async with running() as (_, connect):
        peer = await connect()
        peer.send(post(b"x" * 8_000_000))
        async with asyncio.timeout(5):
            assert (await peer.answer())[0] == 413


async def test_rubbish_after_a_request_does_not_spoil_its_answer() -> None:
    async with running() as (_, connect):
        peer = await connect()
        peer.send(post(b"good") + b"\x00\x01rubbish\r\n\r\n")
        assert await peer.answer() == (200, b"POST / good")
        assert await peer.is_closed()


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    async with running(limits=QUICK) as (_, connect):
        fresh, used = await connect(), await connect()
        used.send(post(b"x"))
        assert (await used.answer())[0] == 200
        assert await fresh.is_closed()
        assert await used.is_closed()


async def test_a_client_that_does_not_read_stalls_the_answer_and_is_cut_off() -> None:
    written = 0
    ended = asyncio.Event()

    async def answer(client: Client) -> None:
        nonlocal written
        while not client.gone:
            client.write(b"x" * 65536)
            written += 65536
            if client.stalled:
                await client.drained()
            await asyncio.sleep(0)
        ended.set()

    async with running(answer, limits=QUICK) as (_, connect):
        peer = await connect()
        peer.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await ended.wait()
        assert written < 64 * 1024 * 1024


async def test_a_client_that_leaves_is_noticed_while_it_is_answered_and_while_its_body_is_awaited() -> None:
    gone = asyncio.Event()
    body_gone = asyncio.Event()

    async def answer(client: Client) -> None:
        if client.path == "/body":
            try:
                await client.body(limit=LIMIT)
            except ClientGone:
                body_gone.set()
        else:
            client.on_gone = gone.set
            await gone.wait()

    async with running(answer) as (_, connect):
        peer = await connect()
        peer.send(post(b"x"))
        await asyncio.sleep(0.05)
        peer.writer.close()
        await gone.wait()
        peer = await connect()
        peer.send(b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
        await asyncio.sleep(0.05)
        peer.writer.close()
        await body_gone.wait()


async def test_stopping_lets_answers_end_and_takes_no_more() -> None:
    go = asyncio.Event()

    async def answer(client: Client) -> None:
        await go.wait()
        await echo(client)

    async with running(answer) as (server, connect):
        busy, idle = await connect(), await connect()
        busy.send(post(b"x"))
        await asyncio.sleep(0.05)
        stopping = asyncio.create_task(server.stop(grace_s=10))
        assert await idle.is_closed()
        with pytest.raises(ConnectionError):
            await connect()
        go.set()
        assert await busy.answer() == (200, b"POST / x")
        assert await busy.is_closed()
        await stopping


async def test_before_it_stops_each_request_is_taken_as_the_last_one_of_its_connection() -> None:
    async with running(echo) as (server, connect):
        used, unused = await connect(), await connect()
        stopping = asyncio.create_task(server.stop(grace_s=10, delay_s=0.5))
        await asyncio.sleep(0.05)
        for peer in (used, await connect()):
            peer.send(post(b"x"))
            assert await peer.answer() == (200, b"POST / x")
            assert await peer.is_closed()
        assert not stopping.done()
        assert await unused.is_closed()
        await stopping
        with pytest.raises(ConnectionError):
            await connect()


async def test_stopping_ends_answers_that_take_too_long() -> None:
    cancelled = asyncio.Event()

    async def answer(_client: Client) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with running(answer) as (server, connect):
        peer = await connect()
        peer.send(post(b"x"))
        await asyncio.sleep(0.05)
        await server.stop(grace_s=0.1)
        await cancelled.wait()
        assert await peer.is_closed()


@pytest.mark.parametrize(("has_answered", "expected"), [(True, (200, b"x")), (False, (503, None))])
async def test_a_call_that_stopping_ends_is_told_so_once(
    has_answered: bool, expected: tuple[int, bytes | None]
) -> None:
    """Of one that has its answer, only what comes after it was cut off."""

    class Pipeline:
        async def chat(self, client: Client) -> None:
            if has_answered:
                client.reply(200, b"x")
            await asyncio.Event().wait()

    edge: Any = SimpleNamespace(pipeline=Pipeline())
    async with running(EdgeApp(edge).answer) as (server, connect):
        peer = await connect()
        peer.send(post(b"{}", path=b"/v1/chat/completions"))
        await asyncio.sleep(0.05)
        await server.stop(grace_s=0.1)
        status, body = await peer.answer()
        assert (status, body if has_answered else None) == expected
        assert has_answered or msgspec.json.decode(body)["error"]["code"] == "gateway_stopping"
        assert await peer.is_closed()
