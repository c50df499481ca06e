"""What endpoints ask for in their signature: the signed-in person, the database, the clock. Chosen in `wiring`, kept on the app.

@router.get("/admin/usage/calls")
async def list_calls(principal: Annotated[Principal, require("usage:read")], sessions: Database, clock: Now) -> CallPage:
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from admin_api.audit.actor import Actor, set_actor
from admin_api.configuration.propagation import Propagation
from admin_api.declared.file import ConfigurationFile
from admin_api.oidc.sign_on import LocalSignIn, SingleSignOn
from admin_api.permissions import Permission
from admin_api.sessions.authenticate import authenticate, authenticate_program
from admin_api.sessions.domain import SESSION_COOKIE, Principal, SessionPolicy
from admin_api.sessions.passwords import Passwords
from admin_api.sessions.throttle import LoginThrottle
from common.bus.connection import Bus
from common.clock import Clock
from common.crypto.sealing import Sealer
from common.db.engine import Sessions
from common.http.errors import ForbiddenError, NotFoundError
from common.http.health import Pings
from common.http.outbound import OutboundClient
from common.http.request_id import current_request_id


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
    allow_private_webhooks: bool
    bus: Bus
    pings: Pings
    configuration_file: ConfigurationFile
    upstreams: OutboundClient
    single_sign_on: SingleSignOn
    local_sign_in: LocalSignIn


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
_bearer: Final = HTTPBearer(auto_error=False, scheme_name="access_token", description="A personal access token.")


async def _principal(
    request: Request,
    services: Wired,
    cookie: Annotated[str | None, Depends(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Principal:
    """Who makes this request; from now on, what is changed is changed by them. An access token counts before a cookie."""
    if bearer is not None:
        principal = await authenticate_program(bearer.credentials, sessions=services.sessions, clock=services.clock)
    else:
        principal = await authenticate(
            cookie, sessions=services.sessions, clock=services.clock, policy=services.session_policy
        )
    set_actor(
        Actor(
            kind="user" if principal.access_token_id is None else "access_token",
            id=principal.user_id,
            address=client_address(request),
            request_id=current_request_id(),
        )
    )
    return principal


def client_address(request: Request) -> str | None:
    """Whom the connection is from. Behind a proxy, uvicorn has put there what a trusted proxy says."""
    return request.client.host if request.client else None


class Guard:
    """The dependency that lets a request through; `permission` is `None` where being signed in is enough."""

    def __init__(self, permission: Permission | None) -> None:
        self.permission = permission

    async def __call__(self, principal: Annotated[Principal, Depends(_principal)]) -> Principal:
        if self.permission is not None and self.permission not in principal.permissions:
            raise ForbiddenError(f"This needs the permission {self.permission}, which your role does not include.")
        return principal


class TenantGuard:
    """The same for a path with a `tenant_id`: what counts is the person's role in that tenant, so others have nothing to find."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    async def __call__(self, principal: Annotated[Principal, Depends(_principal)], tenant_id: str) -> Principal:
        if tenant_id not in principal.tenant_roles:
            raise NotFoundError("There is no such tenant.")
        if self.permission not in principal.permissions_in(tenant_id):
            raise ForbiddenError(
                f"This needs the permission {self.permission}, which your role in this tenant does not include."
            )
        return principal


def require(permission: Permission) -> Any:
    """For an endpoint under `/admin`: `Annotated[Principal, require("usage:read")]`."""
    return Depends(Guard(permission))


def in_tenant(permission: Permission) -> Any:
    """For an endpoint under `/user/tenants/{tenant_id}`: `Annotated[Principal, in_tenant("usage:read")]`."""
    return Depends(TenantGuard(permission))


def check_in_person(principal: Principal) -> None:
    """Raises `ForbiddenError` for a program with an access token."""
    if principal.session_id is None:
        raise ForbiddenError("An access token cannot be used for this: sign in.")


async def _in_person(principal: Annotated[Principal, Depends(Guard(None))]) -> Principal:
    check_in_person(principal)
    return principal


SignedIn = Annotated[Principal, Depends(Guard(None))]
"""For the endpoints that every signed-in person may call, about themselves."""

InPerson = Annotated[Principal, Depends(_in_person)]
"""For what a stolen access token must not be able to do: to make another, or to choose a new password."""
