"""The table of roles: each role may what it is meant to, and no role has a permission that does not exist."""

import pytest

from admin_api.permissions import PERMISSIONS, ROLE_PERMISSIONS, ROLES, Permission, Role, permissions_of


@pytest.mark.parametrize(
    ("role", "permission", "may"),
    [
        ("owner", "users:write", True),
        ("admin", "users:write", False),
        ("admin", "users:read", True),
        ("admin", "api_keys:write", True),
        ("admin", "settings:write", True),
        ("auditor", "usage:read", True),
        ("auditor", "settings:write", False),
        ("auditor", "tenants:write", False),
        ("auditor", "api_keys:write", False),
        ("auditor", "catalog:write", False),
    ],
)
def test_a_role_may_what_it_is_meant_to(role: Role, permission: Permission, may: bool) -> None:
    assert (permission in permissions_of(role)) is may


def test_the_table_is_whole() -> None:
    assert set(ROLE_PERMISSIONS) == set(ROLES)
    for permissions in ROLE_PERMISSIONS.values():
        assert permissions <= set(PERMISSIONS)
