"""API keys: how one is made, and the keyed hash under which it is stored and looked up.

A key is `sk-` and 48 characters of a CSPRNG (about 285 bits), so a single HMAC-SHA-256 is a sound one-way hash: no slow
password hash is paid per call, and a stolen table is useless without the HMAC key.
"""

import hashlib
import hmac
import re
import secrets
import string
from typing import Final

_ALPHABET: Final = string.ascii_letters + string.digits
_BLOCK_BYTES: Final = 64
_SHAPE: Final = re.compile(r"sk-[A-Za-z0-9]{48}")


def new_api_key() -> str:
    """A fresh secret, to be shown once."""
    return "sk-" + "".join(secrets.choice(_ALPHABET) for _ in range(48))


def is_api_key(text: str) -> bool:
    """Whether `text` has the shape of a key; anything else is refused without a look-up."""
    return _SHAPE.fullmatch(text) is not None


def hash_api_key(secret: bytes, key: str) -> str:
    """The hexadecimal HMAC-SHA-256 of a key under the installation's `OMG_KEY_HASH_SECRET`."""
    return hmac.digest(secret, key.encode(), "sha256").hex()


class KeyHasher:
    """`hash_api_key` for one secret, a third of the price: the HMAC's two padded blocks (RFC 2104) are hashed once."""

    def __init__(self, secret: bytes) -> None:
        block = (secret if len(secret) <= _BLOCK_BYTES else hashlib.sha256(secret).digest()).ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def hash(self, key: str) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(key.encode())
        outer.update(inner.digest())
        return outer.hexdigest()


def key_hint(key: str) -> str:
    """What may be displayed of a key after its creation."""
    return f"{key[:7]}…{key[-4:]}"
