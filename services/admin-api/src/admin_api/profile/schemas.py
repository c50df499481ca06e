"""Shapes of one's own account in requests and replies."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

from admin_api.fields import Name, RequestBody, absent
from admin_api.memberships.models import MembershipRow
from admin_api.permissions import PERMISSIONS, TENANT_PERMISSIONS, Permission, PlatformRole, TenantRole
from admin_api.sessions.models import SessionRow
from admin_api.tenants.models import TenantRow
from admin_api.users.domain import MAX_PASSWORD_LENGTH
from admin_api.users.models import UserRow
from admin_api.users.schemas import NewPassword

Theme = Literal["system", "light", "dark"]


class Profile(BaseModel):
    """Oneself. Without a password, one signs in with the identity provider."""

    id: str
    email: str
    name: str
    role: PlatformRole | None
    theme: Theme
    has_password: bool
    created_at: datetime
    last_login_at: datetime | None

    @classmethod
    def of(cls, row: UserRow) -> "Profile":
        return cls.model_validate(
            {
                "id": row.id,
                "email": row.email,
                "name": row.name,
                "role": row.role,
                "theme": row.theme,
                "has_password": row.password_hash is not None,
                "created_at": row.created_at,
                "last_login_at": row.last_login_at,
            }
        )


class ProfileUpdate(RequestBody):
    """What is left out stays as it is."""

    name: Name = absent()
    theme: Theme = absent()


class PasswordChange(RequestBody):
    """The present password, and the one from now on."""

    current_password: Annotated[str, StringConstraints(max_length=MAX_PASSWORD_LENGTH)]
    new_password: NewPassword


class OwnSession(BaseModel):
    """A place where one is signed in; `current` is the one this request came with."""

    id: str
    method: str
    current: bool
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, row: SessionRow, *, current: str | None) -> "OwnSession":
        return cls(
            id=row.id,
            method=row.method,
            current=row.id == current,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
        )


class OwnSessionList(BaseModel):
    """One's sessions, newest first."""

    data: list[OwnSession]


class OwnTenant(BaseModel):
    """A tenant one belongs to, and what one may do there."""

    id: str
    name: str
    kind: Literal["organization", "personal"]
    status: Literal["active", "suspended"]
    timezone: str
    role: TenantRole
    permissions: list[Permission]
    joined_at: datetime

    @classmethod
    def of(cls, found: tuple[MembershipRow, TenantRow]) -> "OwnTenant":
        member, tenant = found
        return cls.model_validate(
            {
                "id": tenant.id,
                "name": tenant.name,
                "kind": tenant.kind,
                "status": tenant.status,
                "timezone": tenant.timezone,
                "role": member.role,
                "permissions": sorted(TENANT_PERMISSIONS[member.role], key=PERMISSIONS.index),  # type: ignore[index]
                "joined_at": member.created_at,
            }
        )


class OwnTenantList(BaseModel):
    """One's tenants, the personal one first."""

    data: list[OwnTenant]
