"""What admin-api refuses with, beyond the tree in `common.http.errors` it hangs in.

ApiError
├── InvalidRequestError
│   ├── InvalidCursorError     400 invalid_cursor
│   └── AboveCeilingError      422 limit_above_ceiling
├── UnauthenticatedError
│   └── InvalidCredentialsError 401 invalid_credentials
├── ForbiddenError
│   └── CrossSiteError         403 csrf
├── ConflictError
│   ├── NameTakenError         409 already_exists
│   ├── AccountExistsError     409 account_exists
│   ├── KeyRevokedError        409 revoked
│   └── LastOwnerError         409 last_owner
└── UnavailableError
    └── NotInForceError        503 not_in_force     the message says whether anything was saved
"""

from common.http.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    UnauthenticatedError,
    UnavailableError,
)


class InvalidCursorError(InvalidRequestError):
    default_code = "invalid_cursor"

    def __init__(self) -> None:
        super().__init__("cursor: this is not a cursor of this list.", param="cursor")


class AboveCeilingError(InvalidRequestError):
    """The message names the ceiling, `param` the limit that is above it."""

    status = 422
    default_code = "limit_above_ceiling"


class InvalidCredentialsError(UnauthenticatedError):
    default_code = "invalid_credentials"

    def __init__(self, message: str = "The e-mail address or the password is wrong.") -> None:
        super().__init__(message)


class CrossSiteError(ForbiddenError):
    default_code = "csrf"


class NameTakenError(ConflictError):
    default_code = "already_exists"


class AccountExistsError(ConflictError):
    default_code = "account_exists"

    def __init__(self) -> None:
        super().__init__("This address has an account. Sign in, then accept the invitation.")


class KeyRevokedError(ConflictError):
    default_code = "revoked"

    def __init__(self) -> None:
        super().__init__("This API key is revoked for good.")


class LastOwnerError(ConflictError):
    default_code = "last_owner"

    def __init__(self) -> None:
        super().__init__("This is the last owner. Make somebody else an owner first.")


class NotInForceError(UnavailableError):
    """The edge replicas could not be told in time."""

    default_code = "not_in_force"
