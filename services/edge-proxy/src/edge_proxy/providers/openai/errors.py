"""OpenAI's error replies, sorted by whose fault they are."""

from collections.abc import Mapping
from typing import Final

import msgspec

from edge_proxy.errors import FailureKind, ProviderError, ProviderFailed, ProviderRateLimited, ProviderRejected

_CLIENTS_FAULT: Final = frozenset({400, 404, 409, 413, 415, 422})
_KINDS: Final[Mapping[str, FailureKind]] = {
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "context_length_exceeded": "context_length",
    "string_above_max_length": "context_length",
}
_MESSAGE_LIMIT: Final = 1000


class _Error(msgspec.Struct, gc=False):
    message: str | None = None
    code: str | int | None = None
    param: str | None = None


class _ErrorReply(msgspec.Struct, gc=False):
    error: _Error | str | None = None


_replies = msgspec.json.Decoder(_ErrorReply)


def read_error(status: int, body: bytes, retry_after: str | None) -> ProviderError:
    """The client's error for a provider's reply with a status other than 2xx."""
    if status in _CLIENTS_FAULT:
        error = _decode(body)
        message = (error.message or "The provider refused the request.")[:_MESSAGE_LIMIT]
        code = None if error.code is None else str(error.code)[:100]
        kind = _KINDS.get(code or "", "client_fault")
        return ProviderRejected(status, message, kind=kind, code=code, param=error.param and error.param[:200])
    if status == 429:
        message = "The provider's rate limit was reached. Please retry later."
        return ProviderRateLimited(message, retry_after=_seconds(retry_after))
    if status in {401, 403}:
        message = "The provider refused the gateway's credential."
        return ProviderFailed(message, kind="credential", code="provider_credential_refused")
    if status in {408, 504}:
        return ProviderFailed("The provider timed out.", kind="timeout", code="provider_timeout")
    return ProviderFailed(f"The provider failed (status {status}).")


def _seconds(retry_after: str | None) -> float | None:
    """Providers send whole seconds; the header's other form, a date, is as good as nothing."""
    if retry_after is None or len(retry_after) > 6 or not (retry_after.isascii() and retry_after.isdigit()):
        return None
    return float(retry_after)


def _decode(body: bytes) -> _Error:
    try:
        error = _replies.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Error()
    return _Error(message=error) if isinstance(error, str) else error or _Error()
