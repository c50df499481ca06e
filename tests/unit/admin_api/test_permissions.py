"""The tables of roles: each role may what it is meant to, and no role has a permission that does not exist."""

from itertools import pairwise

import pytest

from admin_api.errors import LastOwnerError
from admin_api.memberships.domain import check_grant, check_owner_remains
from admin_api.permissions import (
    PERMISSIONS,
    PLATFORM_PERMISSIONS,
    PLATFORM_ROLES,
    TENANT_PERMISSIONS,
    TENANT_ROLES,
    Permission,
    PlatformRole,
    TenantRole,
    permissions_of,
)
from admin_api.sessions.domain import Principal
from common.http.errors import ForbiddenError


@pytest.mark.parametrize(
    ("role", "permission", "may"),
    [
        ("owner", "users:write", True),
        ("admin", "users:write", False),
        ("admin", "users:read", True),
        ("admin", "api_keys:write", True),
        ("admin", "settings:write", True),
        ("auditor", "usage:read", True),
        ("auditor", "audit:read", True),
        ("auditor", "settings:write", False),
        ("auditor", "tenants:write", False),
        ("auditor", "api_keys:write", False),
        ("auditor", "catalog:write", False),
        (None, "catalog:read", False),
    ],
)
def test_a_platform_role_may_what_it_is_meant_to(role: PlatformRole | None, permission: Permission, may: bool) -> None:
    assert (permission in permissions_of(role)) is may


@pytest.mark.parametrize(
    ("role", "permission", "may"),
    [
        ("owner", "tenants:write", True),
        ("owner", "budgets:write", False),  # its own ceiling
        ("owner", "catalog:write", False),
        ("owner", "audit:read", False),
        ("admin", "tenants:write", False),
        ("admin", "members:write", True),
        ("admin", "api_keys:write", True),
        ("member", "api_keys:write", False),
        ("member", "own_api_keys:write", True),
        ("member", "members:write", False),
        ("viewer", "usage:read", True),
        ("viewer", "own_api_keys:write", False),
    ],
)
def test_a_tenant_role_may_what_it_is_meant_to(role: TenantRole, permission: Permission, may: bool) -> None:
    assert (permission in TENANT_PERMISSIONS[role]) is may


def test_the_tables_are_whole() -> None:
    assert set(PLATFORM_PERMISSIONS) == set(PLATFORM_ROLES)
    assert set(TENANT_PERMISSIONS) == set(TENANT_ROLES)
    for permissions in (*PLATFORM_PERMISSIONS.values(), *TENANT_PERMISSIONS.values()):
        assert permissions <= set(PERMISSIONS)


def test_a_higher_role_in_a_tenant_may_all_that_a_lower_one_may() -> None:
    for higher, lower in pairwise(TENANT_ROLES):
        assert TENANT_PERMISSIONS[higher] > TENANT_PERMISSIONS[lower]


def test_a_role_counts_in_its_own_tenant_only() -> None:
    person = Principal(user_id="u", role=None, tenant_roles={"a": "owner", "b": "viewer"}, session_id="s")

    assert person.permissions == frozenset()
    assert "tenants:write" in person.permissions_in("a")
    assert "tenants:write" not in person.permissions_in("b")
    assert person.permissions_in("c") == frozenset()
    assert person.tenants_with("usage:read") == {"a", "b"}
    assert person.tenants_with("members:write") == {"a"}


def test_an_access_token_narrows_and_never_widens() -> None:
    person = Principal(
        user_id="u",
        role="auditor",
        tenant_roles={"a": "member"},
        access_token_id="t",
        narrowed_to=frozenset({"usage:read", "users:write"}),
    )

    assert person.permissions == {"usage:read"}
    assert person.permissions_in("a") == {"usage:read"}


@pytest.mark.parametrize(
    ("by", "current", "wanted", "may"),
    [
        ("owner", None, "owner", True),
        ("admin", None, "owner", False),
        ("admin", None, "admin", True),
        ("admin", "owner", "member", False),
        ("admin", "owner", None, False),
        ("admin", "member", "owner", False),
        ("admin", "viewer", None, True),
        ("viewer", None, "viewer", True),
        (None, "owner", None, True),
    ],
)
def test_nobody_grants_above_themselves_or_touches_who_is_above_them(
    by: TenantRole | None, current: TenantRole | None, wanted: TenantRole | None, may: bool
) -> None:
    if may:
        check_grant(by=by, current=current, wanted=wanted)
        return
    with pytest.raises(ForbiddenError):
        check_grant(by=by, current=current, wanted=wanted)


def test_the_last_owner_remains() -> None:
    check_owner_remains(current="owner", wanted=None, owners=2)
    check_owner_remains(current="owner", wanted="owner", owners=1)
    check_owner_remains(current="admin", wanted=None, owners=1)
    for wanted in (None, "admin"):
        with pytest.raises(LastOwnerError):
            check_owner_remains(current="owner", wanted=wanted, owners=1)
