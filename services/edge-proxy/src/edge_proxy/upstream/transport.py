"""The interface of the upstream HTTP client. Implementations pass the same contract tests (tests/contract/transport).

Redirects are not followed, bodies are not decompressed behind our back (we ask for none), proxies of the environment are not
used. The connect time and the time of a read (the wait for the reply's head is one) are the transport's; shorter waits between
pieces and the total time are the pipeline's.
"""

from typing import Literal, Protocol

import msgspec


class UpstreamRequest(msgspec.Struct, frozen=True, gc=False):
    """A POST to a provider, or a GET without a body: absolute URL, whole body. `stream`: the reply is wanted piece by piece.

    `headers` are the route's, the same object from call to call, so that a transport can prepare them once.
    """

    url: str
    headers: tuple[tuple[str, str], ...]
    request_id: str
    body: bytes
    stream: bool
    method: Literal["POST", "GET"] = "POST"


class UpstreamResponse(Protocol):
    """A reply whose head has arrived. It must be closed; closing early ends the provider's work."""

    status: int

    def header(self, name: str) -> str | None: ...

    async def read(self) -> bytes:
        """The rest of the body. Raises `TransportError`."""
        ...

    async def chunk(self) -> bytes | None:
        """The next bytes as they arrived, None at the end. Raises `TransportError`."""
        ...

    async def close(self) -> None: ...


class Transport(Protocol):
    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Send, and wait for the reply's head, or for all of it unless `request.stream`. Raises `TransportError`."""
        ...

    async def close(self) -> None: ...
