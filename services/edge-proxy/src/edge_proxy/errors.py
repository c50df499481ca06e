"""Everything a client can be told on `/v1`, in OpenAI's error object, with the status codes its SDK acts on.

    EdgeError
    ├── InvalidRequest       400  malformed or unusable request          (never retried by the SDK)
    ├── IncorrectApiKey      401
    ├── BudgetExceeded       402  a hard budget of ours is spent
    ├── TenantSuspended      403
    ├── NotPermitted         403  the key may not be used for this, or from there
    ├── ModelNotFound        404  unknown, disabled, or not granted: the three look the same on purpose
    ├── UnknownUrl           404 / MethodNotAllowed 405
    ├── RateLimited          429  a limit of ours (retried, after the time it names)
    ├── RequestTimeout       408  the request did not arrive in time
    ├── routing.errors       400  the model cannot do what the call asks for
    ├── idempotency.errors   400 409 422 429 503  about an `Idempotency-Key`
    ├── BodyTooLarge         413 / UnsupportedEncoding 415 / HeadersTooLarge 431
    ├── ProviderRejected     4xx  the provider refused this request's content; its own message is passed on, shortened
    ├── ProviderRateLimited  429  the provider's limit, with its Retry-After (retried by the SDK)
    ├── ProviderFailed       502  5xx, refused connection, unreadable reply, our credential refused (retried)
    ├── ProviderTimeout      504  connect, first byte, idle or total time spent (retried)
    ├── InternalError        500  a fault of ours; logged with its request id
    ├── NoRouteAvailable     503  every route of the model is known to fail just now (retried)
    └── Unavailable          503  no configuration yet, nowhere to record usage, limits that cannot be asked (retried)

Upstream text reaches a client only through `ProviderRejected`: those messages are about the client's own request.
"""

import math
from typing import ClassVar, Literal

import msgspec


class EdgeError(Exception):
    """`status`, and the four fields of the error object. `headers` are added to the reply."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    code: str | None = None

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.param = param
        self.headers: list[tuple[bytes, bytes]] = []

    @property
    def http_status(self) -> int:
        return self.status

    def body(self) -> bytes:
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return msgspec.json.encode({"error": error})


class InvalidRequest(EdgeError):
    status = 400
    type = "invalid_request_error"


class IncorrectApiKey(EdgeError):
    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class BudgetExceeded(EdgeError):
    status = 402
    type = "insufficient_quota"
    code = "insufficient_quota"


class RateLimited(EdgeError):
    """In OpenAI's words, which SDKs wait for."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class TenantSuspended(EdgeError):
    status = 403
    type = "permission_error"
    code = "tenant_suspended"


class NotPermitted(EdgeError):
    status = 403
    type = "permission_error"
    code = "not_permitted"


class ModelNotFound(EdgeError):
    status = 404
    type = "invalid_request_error"
    code = "model_not_found"

    def __init__(self, model: str) -> None:
        super().__init__(f"The model `{model[:200]}` does not exist or you do not have access to it.", param="model")


class UnknownUrl(EdgeError):
    status = 404
    type = "invalid_request_error"
    code = "unknown_url"


class MethodNotAllowed(EdgeError):
    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class BodyTooLarge(EdgeError):
    status = 413
    type = "invalid_request_error"
    code = "request_too_large"


class UnsupportedEncoding(EdgeError):
    status = 415
    type = "invalid_request_error"
    code = "unsupported_encoding"


class RequestTimeout(EdgeError):
    status = 408
    type = "invalid_request_error"
    code = "request_timeout"


class HeadersTooLarge(EdgeError):
    status = 431
    type = "invalid_request_error"
    code = "headers_too_large"


class InternalError(EdgeError):
    code = "internal_error"


class NoRouteAvailable(EdgeError):
    """`retry_after`: seconds until one of the alias's routes is tried again."""

    status = 503
    type = "service_unavailable"
    code = "no_route_available"

    def __init__(self, *, retry_after: float) -> None:
        super().__init__("No provider of this model is available at the moment. Please retry.")
        self.headers.append((b"retry-after", b"%d" % max(1, math.ceil(retry_after))))


class Unavailable(EdgeError):
    status = 503
    type = "service_unavailable"
    code = "unavailable"


FailureKind = Literal[
    "client_fault",
    "content_filter",
    "context_length",
    "rate_limited",
    "server_error",
    "timeout",
    "connection",
    "credential",
    "deadline",
]
"""What `routing.retry` concludes from. `credential`: the provider refuses ours; `deadline`: the call's time is spent."""


class ProviderError(EdgeError):
    """The call reached a provider, or tried to: it is recorded in the ledger as failed. `retry_after` in seconds, as it asked."""

    type = "upstream_error"
    kind: FailureKind = "server_error"
    retry_after: float | None = None


class ProviderRejected(ProviderError):
    """Keeps the provider's status (400, 404, 413, 422 …), for SDKs map it to their exception classes."""

    type = "invalid_request_error"

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: FailureKind = "client_fault",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message, code=code, param=param)
        self._status = status
        self.kind = kind

    @property
    def http_status(self) -> int:
        return self._status


class ProviderRateLimited(ProviderError):
    status = 429
    type = "rate_limit_error"
    code = "provider_rate_limited"
    kind = "rate_limited"

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        if retry_after is not None:
            self.headers.append((b"retry-after", b"%d" % math.ceil(retry_after)))


class ProviderFailed(ProviderError):
    status = 502
    code = "provider_failed"

    def __init__(self, message: str, *, kind: FailureKind = "server_error", code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.kind = kind


class ProviderTimeout(ProviderError):
    status = 504
    code = "provider_timeout"

    def __init__(self, message: str, *, kind: FailureKind = "timeout") -> None:
        super().__init__(message)
        self.kind = kind
