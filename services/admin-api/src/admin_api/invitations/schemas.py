"""Shapes of invitations in requests and replies."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from admin_api.fields import Name, RequestBody
from admin_api.invitations.domain import Purpose, path_of
from admin_api.invitations.models import InvitationRow
from admin_api.paging import Page
from admin_api.permissions import PlatformRole, TenantRole
from admin_api.users.schemas import Email, NewPassword

Token = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]*$")]


class Invitation(BaseModel):
    """A link that can still be used. `role` is one in the tenant, or of the platform when there is no tenant."""

    id: str
    purpose: Purpose
    email: str
    tenant_id: str | None
    role: str | None
    invited_by: str
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, row: InvitationRow) -> "Invitation":
        return cls.model_validate(row, from_attributes=True)


class InvitationPage(Page[Invitation]):
    """Invitations, newest first."""


class InvitationMade(Invitation):
    """With what is shown this once: `path` is the link's, on the portal's address."""

    token: str
    path: str

    @classmethod
    def made(cls, row: InvitationRow, token: str) -> "InvitationMade":
        return cls(**Invitation.of(row).model_dump(), token=token, path=path_of(token))


class TenantInvitationCreate(RequestBody):
    """Whom to ask into a tenant, and as what."""

    email: Email
    role: TenantRole


class PlatformInvitationCreate(RequestBody):
    """Whom to let in, and with which platform role, if any."""

    email: Email
    role: PlatformRole | None = None


class InvitationLook(RequestBody):
    """What was behind the `#` of the link."""

    token: Token


class InvitationSeen(BaseModel):
    """What a link is for. With `has_account`, its person signs in to accept it; without, they register."""

    purpose: Purpose
    email: str
    tenant_name: str | None
    role: str | None
    has_account: bool
    expires_at: datetime


class Registration(RequestBody):
    """A new person's own choices."""

    token: Token
    name: Name
    password: NewPassword


class PasswordChoice(RequestBody):
    """A new password, by a link that was made for it."""

    token: Token
    password: NewPassword


class InvitationAccepted(BaseModel):
    """What the person belongs to now."""

    tenant_id: str | None
