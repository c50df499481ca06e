"""Deny by default: every route of the Admin API names its permission, and each kind of visitor gets through exactly where theirs
are enough. A route added without a permission, or to neither list here, fails."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

from admin_api.app import describe_api
from admin_api.dependencies import Guard, TenantGuard
from admin_api.permissions import (
    PERMISSIONS,
    PLATFORM_PERMISSIONS,
    PLATFORM_ROLES,
    TENANT_PERMISSIONS,
    TENANT_ROLES,
    Permission,
)
from admin_api.routes import PUBLIC_PATHS
from admin_api.scim.endpoints import directory

SCIM = "/scim/v2/"
"""A door of its own: what opens it is tested with SCIM."""


@dataclass(frozen=True)
class InTenant:
    """The permission must be one of the person's role in the tenant of the path."""

    permission: Permission


# What each route asks for, written down a second time: a permission that changes by mistake is noticed here. `None` means that
# being signed in is enough.
EXPECTED: dict[tuple[str, str], Permission | InTenant | None] = {
    ("GET", "/admin/auth/session"): None,
    ("GET", "/admin/gateway"): None,
    ("GET", "/admin/tenants"): "tenants:read",
    ("POST", "/admin/tenants"): "tenants:write",
    ("GET", "/admin/tenants/{tenant_id}"): "tenants:read",
    ("PATCH", "/admin/tenants/{tenant_id}"): "tenants:write",
    ("GET", "/admin/users"): "users:read",
    ("POST", "/admin/users"): "users:write",
    ("PATCH", "/admin/users/{user_id}"): "users:write",
    ("GET", "/admin/api-keys"): "api_keys:read",
    ("GET", "/admin/tenants/{tenant_id}/api-keys"): "api_keys:read",
    ("POST", "/admin/tenants/{tenant_id}/api-keys"): "api_keys:write",
    ("PATCH", "/admin/tenants/{tenant_id}/api-keys/{key_id}"): "api_keys:write",
    ("DELETE", "/admin/tenants/{tenant_id}/api-keys/{key_id}"): "api_keys:write",
    ("POST", "/admin/routes/{route_id}/check"): "catalog:write",
    ("GET", "/admin/routes/{route_id}/prices"): "catalog:read",
    ("POST", "/admin/routes/{route_id}/prices"): "catalog:write",
    ("DELETE", "/admin/routes/{route_id}/prices/{version}"): "catalog:write",
    ("GET", "/admin/price-list"): "catalog:read",
    ("GET", "/admin/providers"): "catalog:read",
    ("GET", "/admin/model-catalog"): "catalog:read",
    ("GET", "/admin/model-catalog/{alias:path}"): "catalog:read",
    ("PUT", "/admin/model-catalog/{alias:path}"): "catalog:write",
    ("DELETE", "/admin/model-catalog/{alias:path}"): "catalog:write",
    ("GET", "/admin/configuration"): "settings:read",
    ("POST", "/admin/configuration/reload"): "settings:write",
    ("POST", "/admin/configuration/reset-model"): "catalog:write",
    ("GET", "/admin/budgets"): "budgets:read",
    ("POST", "/admin/budgets"): "budgets:write",
    ("GET", "/admin/budgets/{budget_id}"): "budgets:read",
    ("GET", "/admin/budgets/{budget_id}/periods"): "budgets:read",
    ("PATCH", "/admin/budgets/{budget_id}"): "budgets:write",
    ("DELETE", "/admin/budgets/{budget_id}"): "budgets:write",
    ("GET", "/admin/rate-limits"): "settings:read",
    ("PUT", "/admin/rate-limits"): "settings:write",
    ("DELETE", "/admin/rate-limits"): "settings:write",
    ("GET", "/admin/tenants/{tenant_id}/rate-limits"): "tenants:read",
    ("PUT", "/admin/tenants/{tenant_id}/rate-limits"): "tenants:write",
    ("DELETE", "/admin/tenants/{tenant_id}/rate-limits"): "tenants:write",
    ("GET", "/admin/tenants/{tenant_id}/api-keys/{key_id}/rate-limits"): "api_keys:read",
    ("PUT", "/admin/tenants/{tenant_id}/api-keys/{key_id}/rate-limits"): "api_keys:write",
    ("DELETE", "/admin/tenants/{tenant_id}/api-keys/{key_id}/rate-limits"): "api_keys:write",
    ("GET", "/admin/usage/summary"): "usage:read",
    ("GET", "/admin/usage/breakdown"): "usage:read",
    ("GET", "/admin/usage/calls"): "usage:read",
    ("GET", "/admin/users/{user_id}"): "users:read",
    ("POST", "/admin/users/{user_id}/password-link"): "users:write",
    ("GET", "/admin/invitations"): "users:read",
    ("POST", "/admin/invitations"): "users:write",
    ("DELETE", "/admin/invitations/{invitation_id}"): "users:write",
    ("GET", "/admin/tenants/{tenant_id}/members"): "members:read",
    ("PUT", "/admin/tenants/{tenant_id}/members/{user_id}"): "members:write",
    ("DELETE", "/admin/tenants/{tenant_id}/members/{user_id}"): "members:write",
    ("GET", "/admin/tenants/{tenant_id}/invitations"): "members:read",
    ("POST", "/admin/tenants/{tenant_id}/invitations"): "members:write",
    ("DELETE", "/admin/tenants/{tenant_id}/invitations/{invitation_id}"): "members:write",
    ("GET", "/admin/audit/entries"): "audit:read",
    ("GET", "/admin/audit/entries/{entry_id}"): "audit:read",
    ("GET", "/admin/audit/export"): "audit:read",
    ("GET", "/admin/tenants/{tenant_id}/api-keys/{key_id}"): "api_keys:read",
    ("POST", "/admin/tenants/{tenant_id}/api-keys/{key_id}/rotate"): "api_keys:write",
    ("GET", "/user/api-keys"): None,
    ("GET", "/user/tenants/{tenant_id}/api-keys"): InTenant("api_keys:read"),
    ("POST", "/user/tenants/{tenant_id}/api-keys"): InTenant("own_api_keys:write"),
    ("GET", "/user/tenants/{tenant_id}/api-keys/{key_id}"): InTenant("api_keys:read"),
    ("PATCH", "/user/tenants/{tenant_id}/api-keys/{key_id}"): InTenant("own_api_keys:write"),
    ("POST", "/user/tenants/{tenant_id}/api-keys/{key_id}/rotate"): InTenant("own_api_keys:write"),
    ("DELETE", "/user/tenants/{tenant_id}/api-keys/{key_id}"): InTenant("own_api_keys:write"),
    ("GET", "/admin/tenants/{tenant_id}/key-ceilings"): "api_keys:read",
    ("GET", "/user/tenants/{tenant_id}/key-ceilings"): InTenant("api_keys:read"),
    ("GET", "/user/tenants/{tenant_id}/rate-limits"): InTenant("tenants:read"),
    ("GET", "/user/tenants/{tenant_id}/api-keys/{key_id}/rate-limits"): InTenant("api_keys:read"),
    ("PUT", "/user/tenants/{tenant_id}/api-keys/{key_id}/rate-limits"): InTenant("api_keys:write"),
    ("DELETE", "/user/tenants/{tenant_id}/api-keys/{key_id}/rate-limits"): InTenant("api_keys:write"),
    ("GET", "/user/tenants/{tenant_id}/alerts"): InTenant("alerts:read"),
    ("PUT", "/user/tenants/{tenant_id}/alerts"): InTenant("alerts:write"),
    ("DELETE", "/user/tenants/{tenant_id}/alerts"): InTenant("alerts:write"),
    ("POST", "/user/tenants/{tenant_id}/alerts/test"): InTenant("alerts:write"),
    ("GET", "/user/tenants/{tenant_id}/alerts/history"): InTenant("alerts:read"),
    ("GET", "/user/tenants/{tenant_id}/alerts/history/{alert_id}"): InTenant("alerts:read"),
    ("POST", "/user/tenants/{tenant_id}/alerts/history/{alert_id}/redeliver"): InTenant("alerts:write"),
    ("GET", "/user/tenants/{tenant_id}/budgets"): InTenant("budgets:read"),
    ("GET", "/user/tenants/{tenant_id}/budgets/{budget_id}/periods"): InTenant("budgets:read"),
    ("POST", "/user/tenants/{tenant_id}/api-keys/{key_id}/budgets"): InTenant("api_keys:write"),
    ("PATCH", "/user/tenants/{tenant_id}/api-keys/{key_id}/budgets/{budget_id}"): InTenant("api_keys:write"),
    ("DELETE", "/user/tenants/{tenant_id}/api-keys/{key_id}/budgets/{budget_id}"): InTenant("api_keys:write"),
    ("DELETE", "/admin/tenants/{tenant_id}"): "tenants:write",
    ("GET", "/admin/settings/alerts"): "settings:read",
    ("PUT", "/admin/settings/alerts"): "settings:write",
    ("POST", "/admin/settings/alerts/test-email"): "settings:write",
    ("GET", "/admin/alerts/policy"): "alerts:read",
    ("PUT", "/admin/alerts/policy"): "alerts:write",
    ("DELETE", "/admin/alerts/policy"): "alerts:write",
    ("POST", "/admin/alerts/policy/test"): "alerts:write",
    ("GET", "/admin/alerts"): "alerts:read",
    ("GET", "/admin/alerts/{alert_id}"): "alerts:read",
    ("POST", "/admin/alerts/{alert_id}/redeliver"): "alerts:write",
    ("GET", "/admin/tenants/{tenant_id}/alerts"): "alerts:read",
    ("PUT", "/admin/tenants/{tenant_id}/alerts"): "alerts:write",
    ("DELETE", "/admin/tenants/{tenant_id}/alerts"): "alerts:write",
    ("POST", "/admin/tenants/{tenant_id}/alerts/test"): "alerts:write",
    ("GET", "/admin/tenants/{tenant_id}/alerts/history"): "alerts:read",
    ("GET", "/admin/settings/scim/tokens"): "users:read",
    ("POST", "/admin/settings/scim/tokens"): "users:write",
    ("DELETE", "/admin/settings/scim/tokens/{token_id}"): "users:write",
    ("GET", "/admin/settings/scim/groups"): "users:read",
    ("PUT", "/admin/settings/scim/groups/{group_id}/roles"): "users:write",
    ("GET", "/admin/settings/budgets"): "settings:read",
    ("PUT", "/admin/settings/budgets"): "settings:write",
    ("GET", "/admin/settings/tenants"): "settings:read",
    ("PUT", "/admin/settings/tenants"): "settings:write",
    ("GET", "/admin/usage/compare"): "usage:read",
    ("GET", "/admin/usage/daily"): "usage:read",
    ("GET", "/admin/usage/calls/export"): "usage:read",
    ("GET", "/admin/usage/costs/export"): "usage:read",
    ("GET", "/admin/usage/calls/{call_id}"): "usage:read",
    ("GET", "/admin/usage/calls/{call_id}/charge"): "usage:read",
    # Of one's own tenants and keys; see tests/integration/usage.
    ("GET", "/user/usage/summary"): None,
    ("GET", "/user/usage/breakdown"): None,
    ("GET", "/user/usage/compare"): None,
    ("GET", "/user/usage/daily"): None,
    ("GET", "/user/usage/calls"): None,
    ("GET", "/user/usage/calls/export"): None,
    ("GET", "/user/usage/costs/export"): None,
    ("GET", "/user/usage/calls/{call_id}"): None,
    ("GET", "/user/usage/calls/{call_id}/charge"): None,
    ("GET", "/admin/health"): "settings:read",
    ("GET", "/user/profile"): None,
    ("PATCH", "/user/profile"): None,
    ("POST", "/user/password"): None,
    ("GET", "/user/sessions"): None,
    ("DELETE", "/user/sessions/{session_id}"): None,
    ("GET", "/user/tenants"): None,
    ("GET", "/user/access-tokens"): None,
    ("POST", "/user/access-tokens"): None,
    ("DELETE", "/user/access-tokens/{token_id}"): None,
    ("POST", "/user/invitations/accept"): None,
    ("GET", "/user/tenants/{tenant_id}/members"): InTenant("members:read"),
    ("PUT", "/user/tenants/{tenant_id}/members/{user_id}"): InTenant("members:write"),
    ("DELETE", "/user/tenants/{tenant_id}/members/{user_id}"): InTenant("members:write"),
    ("GET", "/user/tenants/{tenant_id}/invitations"): InTenant("members:read"),
    ("POST", "/user/tenants/{tenant_id}/invitations"): InTenant("members:write"),
    ("DELETE", "/user/tenants/{tenant_id}/invitations/{invitation_id}"): InTenant("members:write"),
}
IN_TENANT = {place: wanted for place, wanted in EXPECTED.items() if isinstance(wanted, InTenant)}
ANYWHERE = {place: wanted for place, wanted in EXPECTED.items() if not isinstance(wanted, InTenant)}
PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/docs/{name}"),
    ("GET", "/openapi.json"),
    ("POST", "/admin/auth/login"),
    ("POST", "/admin/auth/logout"),
    ("GET", "/admin/auth/methods"),
    ("GET", "/admin/auth/oidc/{provider_id}/start"),
    ("GET", "/admin/auth/oidc/callback"),
    ("POST", "/admin/auth/oidc/{provider_id}/backchannel-logout"),
    ("POST", "/admin/auth/invitations/look"),
    ("POST", "/admin/auth/invitations/register"),
    ("POST", "/admin/auth/invitations/new-password"),
}
NO_TENANT = "tnt_" + "0" * 32
NOBODY = ("signed-out", "forged", "disabled", "expired", "idle")


def routes_of(app: FastAPI) -> Iterator[tuple[str, str, BaseRoute]]:
    """Every (method, path) the app answers, whichever way it was added."""

    def walk(routes: list[BaseRoute]) -> Iterator[Route]:
        for route in routes:
            if isinstance(route, Route):
                yield route
            elif (included := getattr(route, "original_router", None)) is not None:  # how FastAPI keeps a router
                context: Any = getattr(route, "include_context", None)
                assert not context.prefix, "a prefix given here would be missing from the path"
                yield from walk(included.routes)
            else:
                pytest.fail(f"{route!r} is a kind of route this test does not know")

    for route in walk(app.routes):
        for method in (route.methods or set()) - {"HEAD"}:
            yield method, route.path, route


def guards_of(route: BaseRoute) -> list[Any]:
    """The guards among all dependencies of a route, however deep."""

    def walk(dependant: Dependant) -> Iterator[Any]:
        yield dependant.call
        for inner in dependant.dependencies:
            yield from walk(inner)

    if not isinstance(route, APIRoute):
        return []
    calls = list(walk(route.dependant))
    return [call for call in calls if isinstance(call, (Guard, TenantGuard)) or call is directory]


def asked_by(guard: Guard | TenantGuard) -> Permission | InTenant | None:
    return InTenant(guard.permission) if isinstance(guard, TenantGuard) else guard.permission


def address(path: str, tenant_id: str = NO_TENANT) -> str:
    """An address that fits a path and names nothing, but for the tenant."""
    for placeholder, value in (
        ("{tenant_id}", tenant_id),
        ("{user_id}", "usr_" + "0" * 32),
        ("{key_id}", "key_" + "0" * 32),
        ("{invitation_id}", "inv_" + "0" * 32),
        ("{entry_id}", "aud_" + "0" * 32),
        ("{session_id}", "ses_" + "0" * 32),
        ("{token_id}", "pat_" + "0" * 32),
        ("{alias:path}", "no/such-model"),
    ):
        path = path.replace(placeholder, value)
    return re.sub(r"\{[^}]*\}", "nothing", path)


def test_every_route_has_its_permission_or_is_on_the_short_public_list(doors: Any) -> None:
    guarded: dict[tuple[str, str], Permission | InTenant | None] = {}
    public: set[tuple[str, str]] = set()
    for method, path, route in routes_of(doors.app):
        guards = guards_of(route)
        if path.startswith(SCIM):
            assert guards == [directory]
        elif guards:
            (guarded[method, path],) = {asked_by(guard) for guard in guards}
        else:
            public.add((method, path))

    assert guarded == EXPECTED
    assert public == PUBLIC
    assert {path for _, path in PUBLIC} | {"/{path:path}"} == PUBLIC_PATHS


def test_the_description_holds_every_guarded_route() -> None:
    described = {
        (method.upper(), path) for path, operations in describe_api()["paths"].items() for method in operations
    }

    expected = {(method, path.replace(":path", "")) for method, path in EXPECTED}
    elsewhere = {(method, path) for method, path in described if path.startswith(SCIM)}
    assert elsewhere
    assert described - elsewhere - {(method, path) for method, path in PUBLIC if path.startswith("/admin/")} == expected


@pytest.mark.parametrize("visitor", NOBODY)
@pytest.mark.parametrize(("method", "path"), EXPECTED)
async def test_who_has_no_session_gets_in_nowhere(doors: Any, visitor: str, method: str, path: str) -> None:
    reply = await doors.knock(visitor, method, address(path))

    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("role", PLATFORM_ROLES)
@pytest.mark.parametrize(("method", "path"), ANYWHERE)
async def test_a_platform_role_gets_in_exactly_where_it_may(doors: Any, role: Any, method: str, path: str) -> None:
    permission = ANYWHERE[method, path]
    may = permission is None or permission in PLATFORM_PERMISSIONS[role]

    reply = await doors.knock(role, method, address(path))

    check(reply, may=may)


@pytest.mark.parametrize("role", TENANT_ROLES)
@pytest.mark.parametrize(("method", "path"), ANYWHERE)
async def test_a_tenants_people_get_in_nowhere_but_at_what_is_everybodys(
    doors: Any, role: Any, method: str, path: str
) -> None:
    reply = await doors.knock(f"tenant-{role}", method, address(path, doors.tenant_id))

    check(reply, may=ANYWHERE[method, path] is None)


@pytest.mark.parametrize("role", TENANT_ROLES)
@pytest.mark.parametrize(("method", "path"), IN_TENANT)
async def test_a_tenant_role_gets_in_exactly_where_it_may(doors: Any, role: Any, method: str, path: str) -> None:
    reply = await doors.knock(f"tenant-{role}", method, address(path, doors.tenant_id))

    check(reply, may=IN_TENANT[method, path].permission in TENANT_PERMISSIONS[role])


@pytest.mark.parametrize("visitor", [f"tenant-{role}" for role in TENANT_ROLES] + list(PLATFORM_ROLES))
@pytest.mark.parametrize(("method", "path"), IN_TENANT)
async def test_the_tenant_of_others_is_not_there(doors: Any, visitor: str, method: str, path: str) -> None:
    """Nor for the platform's people, who are no members: their door is another one."""
    for tenant_id in (doors.other_tenant_id, doors.archived_tenant_id, NO_TENANT):
        reply = await doors.knock(visitor, method, address(path, tenant_id))

        assert reply.status_code == 404, reply.text
        assert reply.json()["error"]["message"] == "There is no such tenant."


def check(reply: httpx.Response, *, may: bool) -> None:
    if may:
        # What comes after the door: found, not found, a body that is missing a field, a person of another kind than they must be,
        # or no NATS to tell the edge.
        assert reply.status_code in {200, 204, 400, 404, 409, 503}, reply.text
    else:
        assert reply.status_code == 403, reply.text
        assert reply.json()["error"]["code"] == "forbidden"


@pytest.mark.parametrize("visitor", NOBODY)
@pytest.mark.parametrize(("method", "path"), sorted(PUBLIC))
async def test_what_is_public_needs_no_session(doors: Any, visitor: str, method: str, path: str) -> None:
    reply = await doors.knock(visitor, method, path.replace("{name}", "page.js"))

    assert reply.status_code not in {401, 403, 500}


def test_the_roles_are_what_they_are_meant_to_be() -> None:
    assert PLATFORM_PERMISSIONS["owner"] == set(PERMISSIONS)
    assert set(PERMISSIONS) - PLATFORM_PERMISSIONS["admin"] == {"users:write"}
    assert {permission for permission in PERMISSIONS if permission.endswith(":read")} == PLATFORM_PERMISSIONS["auditor"]
    assert {permission for permission in PERMISSIONS if permission.endswith(":write")} & TENANT_PERMISSIONS[
        "viewer"
    ] == set()


async def test_a_route_without_a_permission_would_be_noticed(doors: Any) -> None:
    """This test's own test: the walk sees routes added in any way."""
    app = FastAPI(openapi_url=None)

    async def open_door() -> None: ...

    app.add_api_route("/admin/open", open_door)
    app.include_router(doors.app.router)

    found = {(method, path) for method, path, route in routes_of(app) if not guards_of(route)}

    assert ("GET", "/admin/open") in found
    assert found >= PUBLIC
