"""Shapes of signing in."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from admin_api.fields import NO_CONTROL_CHARACTERS, RequestBody
from admin_api.permissions import Permission
from admin_api.users.domain import MAX_EMAIL_LENGTH, MAX_PASSWORD_LENGTH
from admin_api.users.schemas import User


class LoginRequest(RequestBody):
    """Deliberately without the rules for new addresses and passwords: what breaks them is simply wrong."""

    email: Annotated[str, StringConstraints(max_length=MAX_EMAIL_LENGTH, pattern=NO_CONTROL_CHARACTERS)]
    password: Annotated[str, StringConstraints(max_length=MAX_PASSWORD_LENGTH)]


class Session(BaseModel):
    """Who is signed in, and what they may do."""

    user: User
    permissions: list[Permission]
