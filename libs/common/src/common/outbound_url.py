"""The check every URL passes that a person gives us and one of our processes will call (server-side request forgery).

Only http and https, no credentials in the URL, and, unless private addresses are allowed on purpose, no address that is
not globally routable. A host name is resolved and every address it has must pass. A name that changes its address later
is caught only by a caller that connects to the address it was given here (`public_addresses`); for the others the network policy of
the installation is the second fence.
"""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit


class UnsafeUrlError(ValueError):
    """The URL must not be called; the message says why and can be shown to its author."""


def parse_outbound_url(url: str) -> tuple[str, int]:
    """The host and port of a well-formed outbound URL. Raises `UnsafeUrlError`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UnsafeUrlError("the URL is malformed") from None
    if parts.scheme not in {"http", "https"}:
        raise UnsafeUrlError("the URL must start with http:// or https://")
    if not host or any(c.isspace() for c in url):
        raise UnsafeUrlError("the URL names no host")
    if parts.username or parts.password:
        raise UnsafeUrlError("the URL must not carry credentials")
    if parts.query or parts.fragment:
        raise UnsafeUrlError("the URL must not carry a query or a fragment")
    return host, port or (443 if parts.scheme == "https" else 80)


async def public_addresses(url: str, *, allow_private: bool, timeout: float = 5.0) -> list[str]:
    """What the host of `url` resolves to, when all of it may be called: whoever connects to one of these is not led elsewhere by a
    name that changes. Raises `UnsafeUrlError`."""
    host, port = parse_outbound_url(url)
    try:
        async with asyncio.timeout(timeout):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError):
        raise UnsafeUrlError(f"the host {host} does not resolve") from None
    addresses = [str(address[0]).split("%")[0] for *_, address in found]
    if not allow_private and not all(ipaddress.ip_address(address).is_global for address in addresses):
        raise UnsafeUrlError(f"the host {host} leads to a private address")
    return addresses


async def check_outbound_url(url: str, *, allow_private: bool, timeout: float = 5.0) -> None:
    """Raise `UnsafeUrlError` when `url` is malformed, does not resolve, or leads to an address that is not public."""
    parse_outbound_url(url)
    if not allow_private:
        await public_addresses(url, allow_private=False, timeout=timeout)
