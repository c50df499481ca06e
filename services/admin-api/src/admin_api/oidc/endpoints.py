"""Single sign-on over HTTP: which ways there are, to the provider and back, and the provider's own word that somebody has left."""

from typing import Annotated, Final
from urllib.parse import parse_qs, urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from admin_api.dependencies import Wired, client_address
from admin_api.oidc import service
from admin_api.oidc.domain import CALLBACK_PATH, Refusal, RefusedError, return_path
from admin_api.oidc.flow import FLOW_LIFE, begin, cookie_name, resume
from admin_api.oidc.schemas import AuthMethods, OidcMethod
from admin_api.sessions.cookie import set_session_cookie
from common.http.errors import NotFoundError
from common.logging import get_logger

router = APIRouter(prefix="/admin/auth", tags=["sessions"])

_log = get_logger(__name__)
_LONGEST_FORM: Final = 60_000
Text = Annotated[str | None, Query(max_length=5000)]


@router.get("/methods")
async def list_methods(services: Wired) -> AuthMethods:
    """How one can sign in here."""
    providers = services.single_sign_on.providers.values()
    local = services.local_sign_in.admins or services.local_sign_in.users
    return AuthMethods(local=local, oidc=[OidcMethod(id=each.id, name=each.name) for each in providers])


@router.get("/oidc/{provider_id}/start", response_class=RedirectResponse, status_code=302)
async def start_oidc(services: Wired, provider_id: str, return_to: Text = None) -> Response:
    """To the identity provider. `return_to` is a path of the portal; anything else leads to its start."""
    provider = services.single_sign_on.providers.get(provider_id)
    if provider is None:
        raise NotFoundError("There is no such identity provider.")
    try:
        url, name, value = await begin(
            provider,
            discovery=services.single_sign_on.discovery,
            sealer=services.sealer,
            clock=services.clock,
            return_to=return_path(return_to),
        )
    except RefusedError as error:
        return _to_login(error.reason)
    response = RedirectResponse(url, status_code=302)
    response.set_cookie(
        name,
        value,
        max_age=int(FLOW_LIFE.total_seconds()),
        path=CALLBACK_PATH,
        httponly=True,
        samesite="lax",
        secure=services.secure_cookies,
    )
    return response


@router.get("/oidc/callback", response_class=RedirectResponse, status_code=303)
async def oidc_callback(
    request: Request,
    services: Wired,
    code: Text = None,
    state: Text = None,
    iss: Text = None,
    error: Text = None,
) -> Response:
    """Back from the identity provider: to the portal, signed in, or to its login page with the reason why not."""
    cookie = cookie_name(state or "")
    try:
        flow = resume(request.cookies.get(cookie), state=state or "", sealer=services.sealer, clock=services.clock)
        provider = services.single_sign_on.providers.get(flow.provider)
        if provider is None or error:
            raise RefusedError("provider_error", "the provider refused" if error else "the provider is gone")
        token = await service.sign_in(
            services.sessions,
            provider,
            flow,
            discovery=services.single_sign_on.discovery,
            clock=services.clock,
            policy=services.session_policy,
            sealer=services.sealer,
            code=code or "",
            issuer=iss,
            address=client_address(request),
        )
    except RefusedError as refusal:
        _log.warning(
            "single sign-on refused", reason=refusal.reason, detail=str(refusal), address=client_address(request)
        )
        response = _to_login(refusal.reason)
    else:
        response = RedirectResponse(flow.return_to, status_code=303)
        set_session_cookie(response, token, policy=services.session_policy, secure=services.secure_cookies)
    response.delete_cookie(cookie, path=CALLBACK_PATH, httponly=True, samesite="lax", secure=services.secure_cookies)
    return response


@router.post("/oidc/{provider_id}/backchannel-logout")
async def oidc_backchannel_logout(request: Request, services: Wired, provider_id: str) -> Response:
    """The provider says that somebody has left, by a form with a `logout_token`: their sessions end here, too."""
    provider = services.single_sign_on.providers.get(provider_id)
    if provider is None:
        raise NotFoundError("There is no such identity provider.")
    try:
        await service.back_channel_logout(
            services.sessions,
            provider,
            await _logout_token(request),
            discovery=services.single_sign_on.discovery,
            address=client_address(request),
        )
    except RefusedError as error:
        _log.warning("back-channel logout refused", provider=provider_id, detail=str(error))
        # The shape that providers expect (OpenID Connect Back-Channel Logout 1.0, 2.8).
        return JSONResponse({"error": "invalid_request"}, status_code=400)
    return Response(status_code=200)


async def _logout_token(request: Request) -> str:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_FORM:
            raise RefusedError("provider_error", "the form is too long")
    return parse_qs(body.decode("ascii", "replace")).get("logout_token", [""])[0]


def _to_login(reason: Refusal) -> Response:
    return RedirectResponse(f"/login?{urlencode({'error': reason})}", status_code=303)
