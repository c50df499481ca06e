"""One's own account over HTTP."""

from fastapi import APIRouter, Request

from admin_api.dependencies import InPerson, SignedIn, Wired, client_address
from admin_api.profile import service
from admin_api.profile.schemas import (
    OwnSession,
    OwnSessionList,
    OwnTenant,
    OwnTenantList,
    PasswordChange,
    Profile,
    ProfileUpdate,
)
from admin_api.sessions import service as sessions

router = APIRouter(prefix="/user", tags=["profile"])


@router.get("/profile")
async def read_profile(principal: SignedIn, services: Wired) -> Profile:
    """Oneself."""
    return Profile.of(await service.read_profile(services.sessions, principal.user_id))


@router.patch("/profile")
async def update_profile(principal: SignedIn, services: Wired, body: ProfileUpdate) -> Profile:
    """Change one's name or theme."""
    changes = body.given("name", "theme")
    return Profile.of(await service.update_profile(services.sessions, principal.user_id, changes=changes))


@router.post("/password", status_code=204)
async def change_password(principal: InPerson, request: Request, services: Wired, body: PasswordChange) -> None:
    """Choose a new password. All other sessions end."""
    await service.change_password(
        services.sessions,
        principal,
        current=body.current_password,
        new=body.new_password,
        passwords=services.passwords,
        throttle=services.throttle,
        address=client_address(request) or "",
    )


@router.get("/sessions")
async def list_my_sessions(principal: SignedIn, services: Wired) -> OwnSessionList:
    """Where one is signed in."""
    rows = await sessions.list_sessions(services.sessions, principal.user_id)
    return OwnSessionList(data=[OwnSession.of(row, current=principal.session_id) for row in rows])


@router.delete("/sessions/{session_id}", status_code=204)
async def end_my_session(principal: SignedIn, services: Wired, session_id: str) -> None:
    """Sign out somewhere else."""
    await sessions.end_session(services.sessions, principal.user_id, session_id)


@router.get("/tenants")
async def list_my_tenants(principal: SignedIn, services: Wired) -> OwnTenantList:
    """The tenants one belongs to."""
    found = await service.list_tenants(services.sessions, principal.user_id)
    return OwnTenantList(data=[OwnTenant.of(each) for each in found])
