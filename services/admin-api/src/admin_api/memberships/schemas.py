"""Shapes of memberships in requests and replies."""

from datetime import datetime

from pydantic import BaseModel

from admin_api.fields import RequestBody
from admin_api.memberships.models import MembershipRow
from admin_api.paging import Page
from admin_api.permissions import TenantRole
from admin_api.users.models import UserRow


class Member(BaseModel):
    """A person who belongs to a tenant. `joined_at` is when they came to it."""

    user_id: str
    email: str
    name: str
    role: TenantRole
    disabled: bool
    joined_at: datetime

    @classmethod
    def of(cls, found: tuple[MembershipRow, UserRow]) -> "Member":
        row, user = found
        return cls.model_validate(
            {
                "user_id": user.id,
                "email": user.email,
                "name": user.name,
                "role": row.role,
                "disabled": user.disabled_at is not None,
                "joined_at": row.created_at,
            }
        )


class MemberPage(Page[Member]):
    """Members of a tenant."""


class MemberWrite(RequestBody):
    """The role a person is to have."""

    role: TenantRole
