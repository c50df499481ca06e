"""Shapes of users in requests and replies. No reply ever holds a password or its hash."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, StringConstraints

from admin_api.fields import Name, RequestBody, absent
from admin_api.paging import Page
from admin_api.permissions import PlatformRole
from admin_api.users.domain import MAX_EMAIL_LENGTH, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, normal_email
from admin_api.users.models import UserRow

# Only what every address has: whether it can receive mail is not decided by a pattern.
Email = Annotated[
    str,
    StringConstraints(max_length=MAX_EMAIL_LENGTH, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$"),
    AfterValidator(normal_email),
]
NewPassword = Annotated[str, StringConstraints(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)]


class User(BaseModel):
    """A person who may sign in, unless disabled. `role` is the platform role; null for those who only belong to tenants."""

    id: str
    email: str
    name: str
    role: PlatformRole | None
    disabled: bool
    created_at: datetime
    last_login_at: datetime | None

    @classmethod
    def of(cls, row: UserRow) -> "User":
        return cls.model_validate(
            {
                "id": row.id,
                "email": row.email,
                "name": row.name,
                "role": row.role,
                "disabled": row.disabled_at is not None,
                "created_at": row.created_at,
                "last_login_at": row.last_login_at,
            }
        )


class UserPage(Page[User]):
    """Users, newest first."""


class UserCreate(RequestBody):
    """A person to be let in."""

    email: Email
    name: Name
    password: NewPassword
    role: PlatformRole | None = None


class UserUpdate(RequestBody):
    """What is left out stays as it is. `disabled` ends the user's sessions."""

    name: Name = absent()
    role: PlatformRole | None = None
    disabled: bool = absent()
