"""Shapes of personal access tokens in requests and replies. The token is in one reply only: that of its creation."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from admin_api.access_tokens.models import AccessTokenRow
from admin_api.fields import Moment, Name, RequestBody
from admin_api.permissions import PERMISSIONS, Permission


class AccessToken(BaseModel):
    """A token as it may be displayed. `permissions` narrow what its person may do: null means all of it."""

    id: str
    name: str
    hint: str
    permissions: list[Permission] | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, row: AccessTokenRow) -> "AccessToken":
        return cls.model_validate(row, from_attributes=True)


class AccessTokenList(BaseModel):
    """A person's tokens, newest first."""

    data: list[AccessToken]


class AccessTokenCreate(RequestBody):
    """A token to be; without an end it is valid for 90 days."""

    name: Name
    permissions: Annotated[list[Permission], Field(max_length=len(PERMISSIONS))] | None = None
    expires_at: Moment | None = None


class AccessTokenCreated(AccessToken):
    """With the token that is shown this once."""

    token: str
