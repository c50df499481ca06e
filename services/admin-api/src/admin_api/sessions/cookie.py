"""The session cookie: out of scripts' reach, and not sent along with what other sites make a browser do."""

from fastapi import Response

from admin_api.sessions.domain import SESSION_COOKIE, SessionPolicy


def set_session_cookie(response: Response, token: str, *, policy: SessionPolicy, secure: bool) -> None:
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(policy.lifetime.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=secure,
    )


def drop_session_cookie(response: Response, *, secure: bool) -> None:
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax", secure=secure)
