"""The transport on pyreqwest (Rust): the least CPU per call of what was measured (docs/adr/0001)."""

from datetime import timedelta
from typing import Final

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BuilderError,
    ConnectError,
    ConnectTimeoutError,
    PoolTimeoutError,
    PyreqwestError,
)
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response

from edge_proxy.upstream.errors import ConnectFailed, ConnectTimeout, TransportBroken, TransportError
from edge_proxy.upstream.transport import UpstreamRequest, UpstreamResponse

_POOL_IDLE: Final = timedelta(seconds=50)


class PyreqwestTransport:
    """Failure policy: every error of the client becomes one of `upstream.errors`, here and nowhere else."""

    def __init__(self, *, connect_timeout_s: float) -> None:
        self._client: Client = (
            ClientBuilder()
            .connect_timeout(timedelta(seconds=connect_timeout_s))
            .pool_idle_timeout(_POOL_IDLE)
            .no_proxy()
            .follow_redirects(False)
            .referer(False)
            .gzip(False)
            .brotli(False)
            .deflate(False)
            .zstd(False)
            .user_agent("open-model-gateway")
            .build()
        )

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        # A limit above 0 would hold the head back until that many bytes of body had come: a stream's first token would wait.
        try:
            sent = (
                self._client.post(request.url)
                .headers(request.headers)
                .body_bytes(request.body)
                .streamed_read_buffer_limit(0)
                .build_streamed()
            )
            return _Response(sent, await sent.__aenter__())
        except PyreqwestError as error:
            raise _translate(error) from error

    async def close(self) -> None:
        await self._client.close()


class _Response:
    __slots__ = ("_request", "_response", "status")

    def __init__(self, request: StreamRequest, response: Response) -> None:
        self._request = request
        self._response = response
        self.status = response.status

    def header(self, name: str) -> str | None:
        return self._response.get_header(name)

    async def read(self) -> bytes:
        try:
            return bytes(await self._response.bytes())
        except PyreqwestError as error:
            raise _translate(error) from error

    async def chunk(self) -> bytes | None:
        try:
            chunk = await self._response.body_reader.read_chunk()
        except PyreqwestError as error:
            raise _translate(error) from error
        return None if chunk is None else bytes(chunk)

    async def close(self) -> None:
        await self._request.__aexit__(None, None, None)


def _translate(error: PyreqwestError) -> TransportError:
    if isinstance(error, ConnectTimeoutError | PoolTimeoutError):
        return ConnectTimeout(error.message)
    if isinstance(error, ConnectError | BuilderError):
        return ConnectFailed(error.message)
    return TransportBroken(error.message)
