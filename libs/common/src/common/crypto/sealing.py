"""Sealing of secrets at rest: AES-256-GCM under named keys, so that keys can be rotated without a flag day.

A sealed text is `v1.<key id>.<base64url of nonce and ciphertext>`. The purpose is authenticated with it, so that a sealed
text moved to another place does not open.
"""

import base64
import binascii
import os
import re
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")


class SealingError(Exception):
    """A text could not be opened: it is damaged, was sealed for another purpose, or its key is not configured."""


class Sealer:
    """Seals under the active key and opens under any configured one."""

    def __init__(self, *, keys: Mapping[str, bytes], active: str) -> None:
        self._active = active
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}

    @classmethod
    def from_setting(cls, text: str) -> "Sealer":
        """Read `OMG_ENCRYPTION_KEYS`: `id:base64[,id:base64]`, the first one active. Raises `ValueError`."""
        keys: dict[str, bytes] = {}
        for part in text.split(","):
            key_id, _, encoded = part.strip().partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                raise ValueError("an encryption key is not base64") from None
            if not _KEY_ID.fullmatch(key_id) or len(key) != 32 or key_id in keys:
                raise ValueError("encryption keys are `id:base64 of 32 bytes`, comma-separated, each id once")
            keys[key_id] = key
        return cls(keys=keys, active=next(iter(keys)))

    @property
    def active(self) -> str:
        """The id of the key that seals."""
        return self._active

    @property
    def prefix(self) -> str:
        """How every text begins that is sealed under the active key."""
        return f"v1.{self._active}."

    def seal(self, secret: str, *, purpose: str) -> str:
        nonce = os.urandom(12)
        sealed = nonce + self._ciphers[self._active].encrypt(nonce, secret.encode(), purpose.encode())
        return f"{self.prefix}{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, *, purpose: str) -> str:
        """Raises `SealingError`."""
        try:
            version, key_id, encoded = sealed.split(".")
            blob = base64.urlsafe_b64decode(encoded)
            if version != "v1":
                raise ValueError
            return self._ciphers[key_id].decrypt(blob[:12], blob[12:], purpose.encode()).decode()
        except (ValueError, KeyError, InvalidTag):
            raise SealingError("a sealed secret does not open") from None
