"""Whom a call is for, as the request itself says: its `user` and `metadata`, as they are, hashed, or not at all.

Hashed values (the default) still tell apart and add up, but say nothing to who does not know the value already and the
installation's secret. The names of metadata stay as they are.
"""

import hmac
from typing import Final, Literal

from edge_proxy.wire.chat import ChatRequest

AttributionMode = Literal["hashed", "plain", "off"]

_NOTHING: Final[dict[str, str]] = {}
_DIGITS: Final = 32


class Attribution:
    def __init__(self, mode: AttributionMode, *, secret: bytes) -> None:
        self._mode = mode
        self._secret = hmac.digest(secret, b"attribution", "sha256")

    def user(self, request: ChatRequest) -> str | None:
        if self._mode == "off":
            return None
        user = request.user
        return user if user is None or self._mode == "plain" else self._hashed(user)

    def metadata(self, request: ChatRequest) -> dict[str, str]:
        if self._mode == "off":
            return _NOTHING
        metadata = request.metadata
        if self._mode == "plain":
            return metadata
        return {name: self._hashed(value) for name, value in metadata.items()}

    def _hashed(self, value: str) -> str:
        return hmac.digest(self._secret, value.encode(errors="surrogatepass"), "sha256").hex()[:_DIGITS]
