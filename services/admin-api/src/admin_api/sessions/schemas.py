"""Shapes of signing in."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from admin_api.fields import NO_CONTROL_CHARACTERS, RequestBody
from admin_api.permissions import PERMISSIONS, Permission, permissions_of
from admin_api.users.domain import MAX_EMAIL_LENGTH, MAX_PASSWORD_LENGTH
from admin_api.users.models import UserRow
from admin_api.users.schemas import User


class LoginRequest(RequestBody):
    """Deliberately without the rules for new addresses and passwords: what breaks them is simply wrong."""

    email: Annotated[str, StringConstraints(max_length=MAX_EMAIL_LENGTH, pattern=NO_CONTROL_CHARACTERS)]
    password: Annotated[str, StringConstraints(max_length=MAX_PASSWORD_LENGTH)]


class Session(BaseModel):
    """Who is signed in, and what their platform role allows. What they may do in which tenant is under `/user/tenants`."""

    user: User
    permissions: list[Permission]

    @classmethod
    def of(cls, row: UserRow) -> "Session":
        user = User.of(row)
        return cls(user=user, permissions=sorted(permissions_of(user.role), key=PERMISSIONS.index))
