"""Signing in and out over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Request, Response

from admin_api.dependencies import SignedIn, Wired, client_address
from admin_api.sessions import service
from admin_api.sessions.cookie import drop_session_cookie, set_session_cookie
from admin_api.sessions.schemas import LoginRequest, Session
from admin_api.users import service as users

router = APIRouter(prefix="/admin/auth", tags=["sessions"])


@router.post("/login")
async def login(request: Request, response: Response, services: Wired, body: LoginRequest) -> Session:
    """Sign in: the session is in a cookie that scripts cannot read."""
    token, user = await service.sign_in(
        services.sessions,
        clock=services.clock,
        policy=services.session_policy,
        passwords=services.passwords,
        throttle=services.throttle,
        email=body.email,
        password=body.password,
        address=client_address(request) or "",
        allowed=services.local_sign_in,
    )
    set_session_cookie(response, token, policy=services.session_policy, secure=services.secure_cookies)
    return Session.of(user)


@router.get("/session")
async def read_session(principal: SignedIn, services: Wired) -> Session:
    """Who is signed in."""
    return Session.of(await users.read_user(services.sessions, principal.user_id))


@router.post("/logout", status_code=204)
async def logout(
    response: Response, services: Wired, omg_session: Annotated[str | None, Cookie(include_in_schema=False)] = None
) -> None:
    """Sign out. The session ends here, not only in the browser."""
    if omg_session:
        await service.sign_out(services.sessions, omg_session)
    drop_session_cookie(response, secure=services.secure_cookies)
