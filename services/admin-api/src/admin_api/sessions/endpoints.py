"""Signing in and out over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Request, Response

from admin_api.dependencies import SignedIn, Wired
from admin_api.permissions import PERMISSIONS, permissions_of
from admin_api.sessions import service
from admin_api.sessions.domain import SESSION_COOKIE
from admin_api.sessions.schemas import LoginRequest, Session
from admin_api.users import service as users
from admin_api.users.models import UserRow
from admin_api.users.schemas import User

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
        address=request.client.host if request.client else "",
    )
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(services.session_policy.lifetime.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=services.secure_cookies,
    )
    return _shape(user)


@router.get("/session")
async def read_session(principal: SignedIn, services: Wired) -> Session:
    """Who is signed in."""
    return _shape(await users.read_user(services.sessions, principal.user_id))


@router.post("/logout", status_code=204)
async def logout(
    response: Response, services: Wired, omg_session: Annotated[str | None, Cookie(include_in_schema=False)] = None
) -> None:
    """Sign out. The session ends here, not only in the browser."""
    if omg_session:
        await service.sign_out(services.sessions, omg_session)
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax", secure=services.secure_cookies)


def _shape(row: UserRow) -> Session:
    user = User.of(row)
    return Session(user=user, permissions=sorted(permissions_of(user.role), key=PERMISSIONS.index))
