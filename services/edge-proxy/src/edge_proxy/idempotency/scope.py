"""What makes two calls the same one: tenant, API key, path and the `Idempotency-Key`. Their bodies must be equal then.

Equal means byte by byte: an SDK that retries sends the same bytes. A client that writes its JSON anew, in another order, is told
that the body differs: to compare what the JSON means would cost each such call a parse, and be wrong for what we do not know.
"""

import re
from typing import Final

import msgspec

from edge_proxy.idempotency.errors import InvalidIdempotencyKey

IDEMPOTENCY_KEY: Final = b"idempotency-key"
_PRINTABLE: Final = re.compile(rb"[\x20-\x7e]{1,255}")


class Scope(msgspec.Struct, frozen=True):
    """Within it a key is used once. `path` is the route's, without a query."""

    tenant_id: str
    key_id: str
    path: str
    key: str


def read_scope(header: bytes, *, tenant_id: str, key_id: str, path: str) -> Scope:
    """Raises `InvalidIdempotencyKey`."""
    if not _PRINTABLE.fullmatch(header):
        raise InvalidIdempotencyKey
    return Scope(tenant_id=tenant_id, key_id=key_id, path=path, key=header.decode("ascii"))
