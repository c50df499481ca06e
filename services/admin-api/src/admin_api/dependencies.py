"""What endpoints ask for in their signature: the signed-in person, the database, the clock. Chosen in `wiring`, kept on the app.

@router.get("/admin/usage/calls")
async def list_calls(principal: Annotated[Principal, require("usage:read")], sessions: Database, clock: Now) -> CallPage:
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie

from admin_api.configuration.propagation import Propagation
from admin_api.permissions import Permission
from admin_api.sessions.authenticate import authenticate
from admin_api.sessions.domain import SESSION_COOKIE, Principal, SessionPolicy
from admin_api.sessions.passwords import Passwords
from admin_api.sessions.throttle import LoginThrottle
from common.clock import Clock
from common.crypto.sealing import Sealer
from common.db.engine import Sessions
from common.http.errors import ForbiddenError


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything an endpoint can reach; one per app, in `app.state.services`."""

    sessions: Sessions
    clock: Clock
    session_policy: SessionPolicy
    passwords: Passwords
    throttle: LoginThrottle
    propagation: Propagation
    sealer: Sealer
    key_hash_secret: bytes
    gateway_url: str
    secure_cookies: bool
    allow_private_upstreams: bool


async def _services(request: Request) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


Wired = Annotated[Services, Depends(_services)]


async def _sessions(services: Wired) -> Sessions:
    return services.sessions


async def _clock(services: Wired) -> Clock:
    return services.clock


Database = Annotated[Sessions, Depends(_sessions)]
Now = Annotated[Clock, Depends(_clock)]

_cookie: Final = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, scheme_name="session")


class Guard:
    """The dependency that lets a request through; `permission` is `None` where being signed in is enough."""

    def __init__(self, permission: Permission | None) -> None:
        self.permission = permission

    async def __call__(self, services: Wired, token: Annotated[str | None, Depends(_cookie)]) -> Principal:
        principal = await authenticate(
            token, sessions=services.sessions, clock=services.clock, policy=services.session_policy
        )
        if self.permission is not None and self.permission not in principal.permissions:
            raise ForbiddenError(f"Your role, {principal.role}, does not include the permission {self.permission}.")
        return principal


def require(permission: Permission) -> Any:
    """For an endpoint's signature: `Annotated[Principal, require("usage:read")]`."""
    return Depends(Guard(permission))


SignedIn = Annotated[Principal, Depends(Guard(None))]
"""For the few endpoints that every signed-in person may call."""
