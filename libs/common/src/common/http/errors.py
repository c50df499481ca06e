"""One error object for every service, shaped as OpenAI's: `{"error": {"message", "type", "code", "param"}}`.

ApiError                       anything a caller is told
├── InvalidRequestError   400  the request is wrong; `param` names where
├── UnauthenticatedError  401
├── ForbiddenError        403
├── NotFoundError         404
├── ConflictError         409
├── TooManyRequestsError  429  with Retry-After
└── UnavailableError      503  a dependency is away; nothing was done, or the message says what was
"""

from typing import Any, ClassVar


class ApiError(Exception):
    """An error whose message may be shown to the caller."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    default_code: ClassVar[str | None] = None

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.param = param
        self.headers: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.type, "code": self.code, "param": self.param}}


class InvalidRequestError(ApiError):
    status = 400
    type = "invalid_request_error"


class UnauthenticatedError(ApiError):
    status = 401
    type = "authentication_error"
    default_code = "unauthenticated"


class ForbiddenError(ApiError):
    status = 403
    type = "permission_error"
    default_code = "forbidden"


class NotFoundError(ApiError):
    status = 404
    type = "invalid_request_error"
    default_code = "not_found"


class ConflictError(ApiError):
    status = 409
    type = "invalid_request_error"
    default_code = "conflict"


class TooManyRequestsError(ApiError):
    status = 429
    type = "rate_limit_error"
    default_code = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_after_s: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.headers["Retry-After"] = str(retry_after_s)


class UnavailableError(ApiError):
    status = 503
    type = "service_unavailable"
    default_code = "unavailable"
