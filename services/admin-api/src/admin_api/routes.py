"""Every router of the Admin API, and the list of what is reachable without signing in."""

from typing import Final

from fastapi import APIRouter, FastAPI

from admin_api.access_tokens import endpoints as access_tokens
from admin_api.alerts import endpoints as alerts
from admin_api.alerts import tenant_endpoints as tenants_alerts
from admin_api.api_keys import endpoints as api_keys
from admin_api.api_keys import tenant_endpoints as tenants_api_keys
from admin_api.audit import endpoints as audit
from admin_api.budgets import endpoints as budgets
from admin_api.budgets import tenant_endpoints as tenants_budgets
from admin_api.catalog import endpoints as catalog
from admin_api.declared import endpoints as declared
from admin_api.fields import ErrorReply
from admin_api.gateway import endpoints as gateway
from admin_api.invitations import endpoints as invitations
from admin_api.memberships import endpoints as memberships
from admin_api.oidc import endpoints as oidc
from admin_api.overview import endpoints as overview
from admin_api.profile import endpoints as profile
from admin_api.rate_limits import endpoints as rate_limits
from admin_api.rate_limits import tenant_endpoints as tenants_rate_limits
from admin_api.runtime_settings import endpoints as runtime_settings
from admin_api.scim import endpoints as scim
from admin_api.scim import settings_endpoints as scim_settings
from admin_api.sessions import endpoints as sessions
from admin_api.tenants import endpoints as tenants
from admin_api.usage import endpoints as usage
from admin_api.usage import own_endpoints as own_usage
from admin_api.users import endpoints as users

_ROUTERS: Final[tuple[APIRouter, ...]] = (
    sessions.router,
    oidc.router,
    gateway.router,
    overview.router,
    tenants.router,
    users.router,
    memberships.router,
    invitations.router,
    profile.router,
    access_tokens.router,
    api_keys.router,
    tenants_api_keys.router,
    rate_limits.router,
    tenants_rate_limits.router,
    budgets.router,
    tenants_budgets.router,
    alerts.router,
    tenants_alerts.router,
    catalog.router,
    declared.router,
    usage.router,
    own_usage.router,
    audit.router,
    runtime_settings.router,
    scim_settings.router,
    scim.router,
)

PUBLIC_PATHS: Final = frozenset(
    {
        "/healthz",
        "/readyz",
        "/metrics",
        "/docs",
        "/docs/{name}",
        "/openapi.json",
        "/admin/auth/login",
        "/admin/auth/logout",
        "/admin/auth/methods",
        "/admin/auth/oidc/{provider_id}/start",
        "/admin/auth/oidc/callback",
        "/admin/auth/oidc/{provider_id}/backchannel-logout",
        "/admin/auth/invitations/look",
        "/admin/auth/invitations/register",
        "/admin/auth/invitations/new-password",
        "/{path:path}",  # the portal's files
    }
)
"""Whatever else has no permission is a mistake: the authorization test walks every route of the app."""


def add_routes(app: FastAPI) -> None:
    """Include every router."""
    for router in _ROUTERS:
        app.include_router(router, responses={"default": {"model": ErrorReply, "description": "A refusal."}})
