"""What browsers must be told, and must not be used for: security headers on every reply, and no request forged by another site.

The session cookie is `SameSite=Lax`; the check here does not rely on it. A browser says where a request comes from
(`Sec-Fetch-Site`, `Origin`); programs that are no browsers send neither and are let through, as they have no cookie to abuse.
"""

from typing import Final

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admin_api.errors import CrossSiteError

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_SITE: Final = frozenset({"same-origin", "none"})
_CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "content-security-policy": _CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class BrowserRules:
    """ASGI middleware around the whole app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                # The portal's files say for themselves how long they may be kept.
                headers.setdefault("cache-control", "no-store")
            await send(message)

        if scope["method"] not in _SAFE_METHODS and not comes_from_us(Headers(scope=scope)):
            error = CrossSiteError("This request comes from another site and was refused.")
            await JSONResponse(error.body(), status_code=error.status)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


def comes_from_us(headers: Headers) -> bool:
    """Whether a request that changes something was made by our own pages, or by no browser at all."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in _OUR_SITE:
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    scheme, separator, authority = origin.partition("://")
    return bool(separator) and scheme in {"http", "https"} and authority.lower() == headers.get("host", "").lower()
