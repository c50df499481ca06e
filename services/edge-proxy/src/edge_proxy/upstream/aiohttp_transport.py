"""The transport on aiohttp: pure asyncio, many maintainers, about twice the CPU per call. A setting away (docs/adr/0001)."""

import aiohttp

from edge_proxy.upstream.errors import ConnectFailed, ConnectTimeout, ReadTimeout, TransportBroken, TransportError
from edge_proxy.upstream.transport import UpstreamRequest, UpstreamResponse

_POOL_IDLE_S = 50


class AiohttpTransport:
    """Failure policy: every error of the client becomes one of `upstream.errors`, here and nowhere else.

    It is made inside the running loop.
    """

    def __init__(self, *, connect_timeout_s: float, read_timeout_s: float) -> None:
        self._client = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_POOL_IDLE_S),
            timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout_s, sock_read=read_timeout_s),
            headers={"user-agent": "open-model-gateway"},
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        try:
            response = await self._client.post(
                request.url, headers=request.headers, data=request.body, allow_redirects=False
            )
        except _ERRORS as error:
            raise _translate(error) from error
        return _Response(response)

    async def close(self) -> None:
        await self._client.close()


class _Response:
    __slots__ = ("_response", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status

    def header(self, name: str) -> str | None:
        return self._response.headers.get(name)

    async def read(self) -> bytes:
        try:
            return await self._response.read()
        except _ERRORS as error:
            raise _translate(error) from error

    async def chunk(self) -> bytes | None:
        try:
            return await self._response.content.readany() or None
        except _ERRORS as error:
            raise _translate(error) from error

    async def close(self) -> None:
        self._response.close()


_ERRORS = (aiohttp.ClientError, ConnectionError, TimeoutError, ValueError)


def _translate(error: BaseException) -> TransportError:
    if isinstance(error, aiohttp.SocketTimeoutError):
        return ReadTimeout(str(error))
    if isinstance(error, aiohttp.ConnectionTimeoutError | TimeoutError):
        return ConnectTimeout(str(error))
    if isinstance(
        error, aiohttp.ClientConnectorError | aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError | ValueError
    ):
        return ConnectFailed(str(error))
    return TransportBroken(str(error))
