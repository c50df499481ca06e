"""Every router of the Admin API, and the list of what is reachable without signing in."""

from typing import Final

from fastapi import APIRouter, FastAPI

_ROUTERS: Final[tuple[APIRouter, ...]] = ()

PUBLIC_PATHS: Final = frozenset(
    {"/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/admin/auth/login", "/admin/auth/logout"}
)
"""Whatever else has no permission is a mistake: the authorization test walks every route of the app."""


def add_routes(app: FastAPI) -> None:
    """Include every router."""
    for router in _ROUTERS:
        app.include_router(router)
