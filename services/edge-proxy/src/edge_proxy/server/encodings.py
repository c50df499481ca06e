"""Compressed request bodies, unpacked up to a limit: what would grow beyond it is not unpacked to find out by how much."""

import zlib
from typing import Final

from edge_proxy.errors import BodyTooLarge, InvalidRequest, UnsupportedEncoding

_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
_ENCODINGS: Final = frozenset({b"gzip", b"x-gzip", b"deflate"})


def check_encoding(encoding: bytes) -> None:
    """Raises `UnsupportedEncoding`."""
    if encoding not in _ENCODINGS:
        raise UnsupportedEncoding("Request bodies may be compressed with gzip or deflate, once.")


def unpacked(body: bytes, *, limit: int) -> bytes:
    """Raises `BodyTooLarge`, `InvalidRequest`."""
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        data = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise InvalidRequest("The compressed request body cannot be read.", code="invalid_encoding") from None
    if len(data) > limit:
        raise BodyTooLarge(f"The request body is larger than {limit} bytes once it is unpacked.")
    if not unpacker.eof or unpacker.unused_data:
        raise InvalidRequest("The compressed request body is not complete.", code="invalid_encoding")
    return data
