"""A request as bytes, and where to send it. What is the same from call to call is worked out once."""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from edge_proxy.upstream.errors import ConnectFailed
from edge_proxy.upstream.transport import UpstreamRequest

_TARGET: Final = re.compile(r"[!-~]+")
_FIELD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_USER_AGENT: Final = "open-model-gateway"


class Origin(NamedTuple):
    """What connections are pooled by."""

    host: str
    port: int
    tls: bool


class Target(NamedTuple):
    """`head` is the request line without its method, and the headers that only depend on the URL."""

    origin: Origin
    head: bytes


@lru_cache(maxsize=4096)
def read_url(url: str) -> Target:
    """Raises `ConnectFailed` for what is no absolute HTTP URL."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError as error:
        raise ConnectFailed(f"not a URL: {error}") from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if scheme not in _DEFAULT_PORTS or not host or not _TARGET.fullmatch(target) or not _TARGET.fullmatch(host):
        raise ConnectFailed("not an absolute URL of http or https")
    name = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[scheme]:
        name = f"{name}:{port}"
    head = f" {target} HTTP/1.1\r\nhost: {name}\r\nuser-agent: {_USER_AGENT}\r\n".encode()
    return Target(Origin(host, port or _DEFAULT_PORTS[scheme], scheme == "https"), head)


@lru_cache(maxsize=4096)
def _render(headers: tuple[tuple[str, str], ...]) -> bytes:
    lines = [f"{name}: {value}" for name, value in headers]
    for (name, _), line in zip(headers, lines, strict=True):
        if not _FIELD.fullmatch(line):
            raise ConnectFailed(f"the header {name!r} cannot be sent")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def render(request: UpstreamRequest, target: Target) -> bytes:
    """Raises `ConnectFailed` for a header that HTTP does not allow."""
    if request.method == "GET":
        lines = (target.head, _render(request.headers), request.request_id.encode("ascii"))
        return b"GET%b%bx-request-id: %b\r\n\r\n" % lines
    return b"POST%b%bx-request-id: %b\r\ncontent-length: %d\r\n\r\n%b" % (
        target.head,
        _render(request.headers),
        request.request_id.encode("ascii"),
        len(request.body),
        request.body,
    )
