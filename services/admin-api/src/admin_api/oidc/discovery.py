"""What a provider says about itself: its endpoints and its keys, asked for when they are first needed, and kept for a while.

Failure policy: a provider that is away stops neither our start nor any other way to sign in; its own fails with `unavailable`
(`omg_oidc_failures_total`), and is tried again by the next who comes. Keys are asked for again when a token names one that is not
known, at most once in ten seconds.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from prometheus_client import Counter

from admin_api.oidc.domain import Provider, RefusedError
from common.http.outbound import OutboundClient, OutboundError
from common.logging import get_logger
from common.outbound_url import UnsafeUrlError

_KEEP_S: Final = 3600.0
_KEYS_AGAIN_AFTER_S: Final = 10.0
_TIMEOUT_S: Final = 5.0
_MOST_BYTES: Final = 1_000_000

_log = get_logger(__name__)
_failures = Counter("omg_oidc_failures_total", "Times an identity provider could not be asked.", ["provider"])


class Metadata(msgspec.Struct, frozen=True):
    """Of a provider's configuration, what is used here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Keys(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


@dataclass(slots=True)
class _Known:
    metadata: Metadata
    asked_at: float
    keys: Sequence[Mapping[str, Any]] = ()
    keys_asked_at: float = float("-inf")


class Discovery:
    """Of all providers."""

    def __init__(self, client: OutboundClient) -> None:
        self._client = client
        self._known: dict[str, _Known] = {}

    async def metadata(self, provider: Provider) -> Metadata:
        """Raises `RefusedError`."""
        return (await self._of(provider)).metadata

    async def keys(self, provider: Provider, kid: str | None) -> Sequence[Mapping[str, Any]]:
        """The provider's keys that a token may be signed with: the one it names, or all. Raises `RefusedError`."""
        known, now = await self._of(provider), time.monotonic()
        is_unknown = kid is not None and all(each.get("kid") != kid for each in known.keys)
        is_old = now > known.keys_asked_at + _KEEP_S
        if is_old or (is_unknown and now > known.keys_asked_at + _KEYS_AGAIN_AFTER_S):
            known.keys = (await self.fetch(provider, known.metadata.jwks_uri, _Keys)).keys
            known.keys_asked_at = now
        return [each for each in known.keys if kid is None or each.get("kid") == kid]

    async def fetch(
        self,
        provider: Provider,
        url: str,
        shape: Any,
        *,
        method: str = "GET",
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Ask the provider, and read its answer as JSON. Raises `RefusedError`: `unavailable`, unless it said no."""
        try:
            answer = await self._client.call(
                method, url, timeout=_TIMEOUT_S, most=_MOST_BYTES, content=content, headers=headers
            )
            if 400 <= answer.status < 500:
                raise RefusedError("provider_error", f"it answered {answer.status}")
            if not answer.is_success:
                raise OutboundError(f"it answered {answer.status}")
            return msgspec.json.decode(answer.body, type=shape)
        except (OutboundError, UnsafeUrlError, msgspec.DecodeError, UnicodeDecodeError) as error:
            _failures.labels(provider=provider.id).inc()
            detail = str(error) if isinstance(error, OutboundError | UnsafeUrlError) else "its answer cannot be read"
            _log.warning(
                "an identity provider cannot be asked", provider=provider.id, path=urlsplit(url).path, reason=detail
            )
            raise RefusedError("unavailable", detail) from None

    async def _of(self, provider: Provider) -> _Known:
        known = self._known.get(provider.id)
        if known is None or time.monotonic() > known.asked_at + _KEEP_S:
            url = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
            metadata: Metadata = await self.fetch(provider, url, Metadata)
            if metadata.issuer != provider.issuer:
                raise RefusedError("provider_error", "its configuration names another issuer")
            known = self._known[provider.id] = _Known(metadata, time.monotonic())
        return known
