"""OpenAI's error replies, sorted by whose fault they are."""

from typing import Final

import msgspec

from edge_proxy.errors import ProviderError, ProviderFailed, ProviderRateLimited, ProviderRejected

_CLIENTS_FAULT: Final = frozenset({400, 404, 409, 413, 415, 422})
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
        return ProviderRejected(status, message, code=code, param=error.param and error.param[:200])
    if status == 429:
        limited = ProviderRateLimited("The provider's rate limit was reached. Please retry later.")
        if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
            limited.headers.append((b"retry-after", retry_after[:6].encode()))
        return limited
    if status in {401, 403}:
        return ProviderFailed("The provider refused the gateway's credential.", code="provider_credential_refused")
    if status in {408, 504}:
        return ProviderFailed("The provider timed out.", code="provider_timeout")
    return ProviderFailed(f"The provider failed (status {status}).")


def _decode(body: bytes) -> _Error:
    try:
        error = _replies.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Error()
    return _Error(message=error) if isinstance(error, str) else error or _Error()
