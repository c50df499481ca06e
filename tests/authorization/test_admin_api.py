"""Deny by default: every route of the Admin API names its permission, and each kind of visitor gets through exactly where theirs
are enough. A route added without a permission, or to neither list here, fails."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Route

from admin_api.app import describe_api
from admin_api.dependencies import Guard
from admin_api.permissions import PERMISSIONS, ROLE_PERMISSIONS, ROLES
from admin_api.routes import PUBLIC_PATHS

# What each route asks for, written down a second time: a permission that changes by mistake is noticed here. `None` means that
# being signed in is enough.
EXPECTED: dict[tuple[str, str], str | None] = {
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
    ("GET", "/admin/providers"): "catalog:read",
    ("GET", "/admin/model-catalog"): "catalog:read",
    ("GET", "/admin/model-catalog/{alias:path}"): "catalog:read",
    ("PUT", "/admin/model-catalog/{alias:path}"): "catalog:write",
    ("DELETE", "/admin/model-catalog/{alias:path}"): "catalog:write",
    ("GET", "/admin/budgets"): "budgets:read",
    ("POST", "/admin/budgets"): "budgets:write",
    ("GET", "/admin/budgets/{budget_id}"): "budgets:read",
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
}
PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/docs"),
    ("GET", "/docs/{name}"),
    ("GET", "/openapi.json"),
    ("POST", "/admin/auth/login"),
    ("POST", "/admin/auth/logout"),
}
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


def guards_of(route: BaseRoute) -> list[Guard]:
    """The guards among all dependencies of a route, however deep."""

    def walk(dependant: Dependant) -> Iterator[Any]:
        yield dependant.call
        for inner in dependant.dependencies:
            yield from walk(inner)

    return [call for call in walk(route.dependant) if isinstance(call, Guard)] if isinstance(route, APIRoute) else []


def address(path: str) -> str:
    """An address that fits a path and names nothing."""
    for placeholder, value in (
        ("{tenant_id}", "tnt_" + "0" * 32),
        ("{user_id}", "usr_" + "0" * 32),
        ("{key_id}", "key_" + "0" * 32),
        ("{alias:path}", "no/such-model"),
    ):
        path = path.replace(placeholder, value)
    return path


def test_every_route_has_its_permission_or_is_on_the_short_public_list(doors: Any) -> None:
    guarded: dict[tuple[str, str], str | None] = {}
    public: set[tuple[str, str]] = set()
    for method, path, route in routes_of(doors.app):
        guards = guards_of(route)
        if guards:
            (guarded[method, path],) = {guard.permission for guard in guards}
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
    assert described - {("POST", "/admin/auth/login"), ("POST", "/admin/auth/logout")} == expected


@pytest.mark.parametrize("visitor", NOBODY)
@pytest.mark.parametrize(("method", "path"), EXPECTED)
async def test_who_has_no_session_gets_in_nowhere(doors: Any, visitor: str, method: str, path: str) -> None:
    reply = await doors.knock(visitor, method, address(path))

    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path"), EXPECTED)
async def test_a_role_gets_in_exactly_where_it_may(doors: Any, role: Any, method: str, path: str) -> None:
    permission = EXPECTED[method, path]
    may = permission is None or permission in ROLE_PERMISSIONS[role]

    reply = await doors.knock(role, method, address(path))

    if may:
        # What comes after the door: found, not found, a body that is missing a field, or no NATS to tell the edge.
        assert reply.status_code in {200, 400, 404, 503}, reply.text
    else:
        assert reply.status_code == 403
        assert reply.json()["error"]["code"] == "forbidden"


@pytest.mark.parametrize("visitor", NOBODY)
@pytest.mark.parametrize(("method", "path"), sorted(PUBLIC))
async def test_what_is_public_needs_no_session(doors: Any, visitor: str, method: str, path: str) -> None:
    reply = await doors.knock(visitor, method, path.replace("{name}", "page.js"))

    assert reply.status_code not in {401, 403, 500}


def test_the_roles_are_what_they_are_meant_to_be() -> None:
    assert ROLE_PERMISSIONS["owner"] == set(PERMISSIONS)
    assert set(PERMISSIONS) - ROLE_PERMISSIONS["admin"] == {"users:write"}
    assert {permission for permission in PERMISSIONS if permission.endswith(":read")} == ROLE_PERMISSIONS["auditor"]


async def test_a_route_without_a_permission_would_be_noticed(doors: Any) -> None:
    """This test's own test: the walk sees routes added in any way."""
    app = FastAPI(openapi_url=None)

    async def open_door() -> None: ...

    app.add_api_route("/admin/open", open_door)
    app.include_router(doors.app.router)

    found = {(method, path) for method, path, route in routes_of(app) if not guards_of(route)}

    assert ("GET", "/admin/open") in found
    assert found >= PUBLIC
