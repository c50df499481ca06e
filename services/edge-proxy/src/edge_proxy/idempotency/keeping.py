"""Which answers are kept, and which of their headers.

Kept is what would be the same the next time: a success, or the provider's word that this request is at fault. What the SDKs try
again by themselves (408, 409, 425, 429, 5xx) must run again, and so must what is about who calls rather than what is asked (401,
402, 403).
"""

from collections.abc import Iterable
from typing import Final

from edge_proxy.server.client import Headers

REPLAYED: Final = (b"idempotent-replayed", b"true")

_ABOUT_THE_MOMENT: Final = frozenset({401, 402, 403, 408, 409, 425, 429})
# An allow-list: the rest is about the connection or the moment (limits, request id, budgets), or set anew with each reply.
_KEPT: Final = frozenset({b"content-type", b"content-language", b"content-disposition"})
_KEPT_PREFIX: Final = b"x-omg-"


def is_kept(status: int) -> bool:
    return 200 <= status < 500 and status not in _ABOUT_THE_MOMENT


def kept_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Those that describe the answer: its type, and which route gave it (`x-omg-*`)."""
    return [header for header in headers if header[0] in _KEPT or header[0].startswith(_KEPT_PREFIX)]
