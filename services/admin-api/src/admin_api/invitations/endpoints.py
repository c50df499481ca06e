"""Invitations over HTTP: made behind both doors, and used by whoever holds the link."""

from typing import Annotated, Final

from fastapi import APIRouter, Request, Response

from admin_api.dependencies import InPerson, Wired, client_address, in_tenant, require
from admin_api.invitations import service
from admin_api.invitations.schemas import (
    Invitation,
    InvitationAccepted,
    InvitationLook,
    InvitationMade,
    InvitationPage,
    InvitationSeen,
    PasswordChoice,
    PlatformInvitationCreate,
    Registration,
    TenantInvitationCreate,
)
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from admin_api.sessions.cookie import set_session_cookie
from admin_api.sessions.domain import Principal
from admin_api.users.schemas import User

router = APIRouter(tags=["invitations"])

_ADMIN: Final = "/admin/tenants/{tenant_id}/invitations"
_USER: Final = "/user/tenants/{tenant_id}/invitations"
_PLATFORM: Final = "/admin/invitations"
_LINK: Final = "/admin/auth/invitations"


@router.get(_PLATFORM, dependencies=[require("users:read")])
async def list_platform_invitations(
    services: Wired, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> InvitationPage:
    """Open invitations to the platform, and open links for a new password."""
    return await _page(services, None, limit, cursor)


@router.post(_PLATFORM, status_code=201)
async def invite_to_platform(
    principal: Annotated[Principal, require("users:write")], services: Wired, body: PlatformInvitationCreate
) -> InvitationMade:
    """Let somebody in by a one-time link, which is shown this once."""
    row, token = await service.invite_to_platform(
        services.sessions, email=body.email, role=body.role, by=principal, clock=services.clock
    )
    return InvitationMade.made(row, token)


@router.delete(_PLATFORM + "/{invitation_id}", status_code=204, dependencies=[require("users:write")])
async def withdraw_platform_invitation(services: Wired, invitation_id: str) -> None:
    """Make a link worthless."""
    await service.withdraw(services.sessions, None, invitation_id)


@router.post("/admin/users/{user_id}/password-link", status_code=201)
async def make_password_link(
    principal: Annotated[Principal, require("users:write")], services: Wired, user_id: str
) -> InvitationMade:
    """A one-time link with which a person chooses a new password. It is shown this once."""
    row, token = await service.make_password_link(services.sessions, user_id, by=principal, clock=services.clock)
    return InvitationMade.made(row, token)


@router.get(_ADMIN, dependencies=[require("members:read")])
async def list_invitations(
    services: Wired, tenant_id: str, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> InvitationPage:
    """Open invitations to a tenant."""
    return await _page(services, tenant_id, limit, cursor)


@router.post(_ADMIN, status_code=201)
async def invite_to_tenant(
    principal: Annotated[Principal, require("members:write")],
    services: Wired,
    tenant_id: str,
    body: TenantInvitationCreate,
) -> InvitationMade:
    """Ask somebody into a tenant by a one-time link, which is shown this once."""
    row, token = await service.invite_to_tenant(
        services.sessions,
        tenant_id,
        email=body.email,
        role=body.role,
        by=principal,
        by_role=None,
        clock=services.clock,
    )
    return InvitationMade.made(row, token)


@router.delete(_ADMIN + "/{invitation_id}", status_code=204, dependencies=[require("members:write")])
async def withdraw_invitation(services: Wired, tenant_id: str, invitation_id: str) -> None:
    """Make a link worthless."""
    await service.withdraw(services.sessions, tenant_id, invitation_id)


@router.get(_USER, dependencies=[in_tenant("members:read")])
async def list_my_tenants_invitations(
    services: Wired, tenant_id: str, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> InvitationPage:
    """Open invitations to one's tenant."""
    return await _page(services, tenant_id, limit, cursor)


@router.post(_USER, status_code=201)
async def invite_to_my_tenant(
    principal: Annotated[Principal, in_tenant("members:write")],
    services: Wired,
    tenant_id: str,
    body: TenantInvitationCreate,
) -> InvitationMade:
    """Ask somebody into one's tenant, as what one is oneself at most."""
    row, token = await service.invite_to_tenant(
        services.sessions,
        tenant_id,
        email=body.email,
        role=body.role,
        by=principal,
        by_role=principal.tenant_roles[tenant_id],
        clock=services.clock,
    )
    return InvitationMade.made(row, token)


@router.delete(_USER + "/{invitation_id}", status_code=204, dependencies=[in_tenant("members:write")])
async def withdraw_my_tenants_invitation(services: Wired, tenant_id: str, invitation_id: str) -> None:
    """Make a link worthless."""
    await service.withdraw(services.sessions, tenant_id, invitation_id)


@router.post(_LINK + "/look")
async def look_at_invitation(services: Wired, body: InvitationLook) -> InvitationSeen:
    """What a link is for."""
    row, tenant_name, has_account = await service.look(services.sessions, body.token, clock=services.clock)
    return InvitationSeen.model_validate(
        {
            "purpose": row.purpose,
            "email": row.email,
            "tenant_name": tenant_name,
            "role": row.role,
            "has_account": has_account,
            "expires_at": row.expires_at,
        }
    )


@router.post(_LINK + "/register", status_code=201)
async def register(request: Request, response: Response, services: Wired, body: Registration) -> User:
    """Join as a new person; signed in from now on. Refused (409 `account_exists`) for an address that has an account."""
    token, user = await service.register(
        services.sessions,
        body.token,
        name=body.name,
        password=body.password,
        clock=services.clock,
        policy=services.session_policy,
        passwords=services.passwords,
        address=client_address(request),
        allowed=services.local_sign_in,
    )
    set_session_cookie(response, token, policy=services.session_policy, secure=services.secure_cookies)
    return User.of(user)


@router.post(_LINK + "/new-password", status_code=204)
async def choose_password(request: Request, services: Wired, body: PasswordChoice) -> None:
    """Choose a new password by a link that was made for it. All the person's sessions end."""
    await service.choose_password(
        services.sessions,
        body.token,
        password=body.password,
        clock=services.clock,
        passwords=services.passwords,
        address=client_address(request),
    )


@router.post("/user/invitations/accept")
async def accept_invitation(principal: InPerson, services: Wired, body: InvitationLook) -> InvitationAccepted:
    """Join as the signed-in person, whose address the invitation must be for."""
    tenant = await service.accept(services.sessions, body.token, by=principal, clock=services.clock)
    return InvitationAccepted(tenant_id=None if tenant is None else tenant.id)


async def _page(services: Wired, tenant_id: str | None, limit: int, cursor: str | None) -> InvitationPage:
    found = await service.list_open(services.sessions, tenant_id, clock=services.clock, limit=limit, cursor=cursor)
    return InvitationPage.of(found, Invitation.of)
