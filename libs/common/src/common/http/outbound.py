"""Calling an address that a person or another server gave us: a webhook, an identity provider.

The host is looked up once, every address it has is checked, and one of these is called, with the name in `Host` and asked for in
the certificate: a name that changes its address in between leads nowhere else. Redirects are not followed, the environment's
proxies are not used, and no more than `most` bytes of an answer are read.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from common.outbound_url import UnsafeUrlError, public_addresses


class OutboundError(Exception):
    """There is no answer; the message is for people and tells nothing that the other side sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400


class OutboundClient:
    """`allow_private`: private addresses may be called. `allow_http`: so may plain http; by default with private addresses only."""

    def __init__(
        self, *, allow_private: bool, allow_http: bool | None = None, user_agent: str = "open-model-gateway"
    ) -> None:
        self._allow_private = allow_private
        self._allow_http = allow_private if allow_http is None else allow_http
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            verify=ssl.create_default_context(),
            headers={"user-agent": user_agent},
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def call(
        self,
        method: str,
        url: str,
        *,
        timeout: float,
        most: int = 0,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Looking up the host and the exchange may take `timeout` seconds each. Raises `UnsafeUrlError` or `OutboundError`."""
        if not self._allow_http and not url.startswith("https://"):
            raise UnsafeUrlError("the URL must start with https://")
        addresses = await public_addresses(url, allow_private=self._allow_private, timeout=timeout)
        request = self._request(method, url, addresses[0], content, headers or {}, timeout)
        try:
            async with asyncio.timeout(timeout):  # of all of it: httpx counts from one byte to the next
                response = await self._client.send(request, stream=True)
                try:
                    body = await _read(response, most)
                finally:
                    await response.aclose()
        except (httpx.TimeoutException, TimeoutError):
            raise OutboundError(f"no answer within {timeout:g} s") from None
        except (httpx.HTTPError, OSError) as error:
            raise OutboundError(f"it cannot be reached: {type(error).__name__}") from None
        return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)

    def _request(
        self, method: str, url: str, address: str, content: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> httpx.Request:
        parts = urlsplit(url)
        host = f"[{address}]" if ":" in address else address
        netloc = host if parts.port is None else f"{host}:{parts.port}"
        return self._client.build_request(
            method,
            parts._replace(netloc=netloc).geturl(),
            content=content,
            headers={"host": parts.netloc, **headers},
            timeout=timeout,
            extensions={"sni_hostname": parts.hostname or ""},
        )


async def _read(response: httpx.Response, most: int) -> bytes:
    body = b""
    if most:
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > most:
                raise OutboundError(f"the answer is longer than {most} bytes")
    return body
