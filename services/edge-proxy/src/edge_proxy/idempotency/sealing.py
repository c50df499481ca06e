"""What Redis gets to see: keyed hashes for names and bodies, ciphertext for answers.

Everything is derived from the installation's key-hash secret (HKDF-SHA-256), a key for each use. Each First's answer is sealed with
AES-256-GCM under a key of its own, made from its random token, so that its pieces can be numbered and the numbers be the nonces;
number and kind are authenticated, so that pieces can be neither swapped nor dropped unseen. A secret that is changed makes what is
stored unfindable; it expires.
"""

import hashlib
import hmac
import secrets
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from edge_proxy.idempotency.scope import Scope

_TOKEN_BYTES: Final = 16


class Damaged(Exception):
    """A piece does not open: it is not what was sealed under this number."""


class PieceSeal:
    """Seals and opens the pieces of one First's answer."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, number: int, kind: bytes, data: bytes) -> bytes:
        """A number is used once: it is the nonce."""
        return self._cipher.encrypt(_nonce(number), data, kind)

    def open(self, number: int, kind: bytes, sealed: bytes) -> bytes:
        """Raises `Damaged`."""
        try:
            return self._cipher.decrypt(_nonce(number), sealed, kind)
        except InvalidTag:
            raise Damaged from None


class Secrets:
    """The installation's keys for this purpose."""

    def __init__(self, key_hash_secret: bytes) -> None:
        self._names = _derive(key_hash_secret, b"names")
        self._bodies = _derive(key_hash_secret, b"bodies")
        self._pieces = _derive(key_hash_secret, b"pieces")

    def name(self, scope: Scope) -> str:
        """The scope's name in Redis, which says nothing about it. JSON keeps its fields apart."""
        return hmac.digest(self._names, msgspec.json.encode(scope), "sha256").hex()

    def body_hash(self, body: bytes) -> bytes:
        """Keyed, so that nobody who reads it can try out likely bodies. SHA-256 first: it lets other threads run."""
        return hmac.digest(self._bodies, hashlib.sha256(body).digest(), "sha256")

    def seal(self, name: str, token: bytes) -> PieceSeal:
        return PieceSeal(hmac.digest(self._pieces, name.encode() + b"\0" + token, "sha256"))


def new_token() -> bytes:
    """Names one First among all that ever held a key."""
    return secrets.token_hex(_TOKEN_BYTES).encode()


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _derive(secret: bytes, use: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"omg idempotency v1 " + use).derive(secret)
