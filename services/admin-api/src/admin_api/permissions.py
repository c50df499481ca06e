"""Who may do what: one table from role to permissions, for the platform and one for tenants. Every endpoint names one of these
permissions (`dependencies.require`, `dependencies.in_tenant`). What a role may do is decided here and nowhere else.

A **platform role** is for the people who run the installation: what it includes, it includes for every tenant, behind `/admin`.
A **tenant role** comes with a membership and counts in that one tenant, behind `/user`. A person may have both, or neither.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

PlatformRole = Literal["owner", "admin", "auditor"]
TenantRole = Literal["owner", "admin", "member", "viewer"]

Permission = Literal[
    "tenants:read",
    "tenants:write",
    "users:read",
    "users:write",
    "members:read",
    "members:write",
    "api_keys:read",
    "api_keys:write",
    "own_api_keys:write",
    "catalog:read",
    "catalog:write",
    "budgets:read",
    "budgets:write",
    "usage:read",
    "alerts:read",
    "alerts:write",
    "audit:read",
    "settings:read",
    "settings:write",
]

PLATFORM_ROLES: Final[tuple[PlatformRole, ...]] = get_args(PlatformRole)
TENANT_ROLES: Final[tuple[TenantRole, ...]] = get_args(TenantRole)
"""Highest first: nobody grants or takes away a role above their own."""
PERMISSIONS: Final[tuple[Permission, ...]] = get_args(Permission)

_PLATFORM_READS: Final[frozenset[Permission]] = frozenset(
    {
        "tenants:read",
        "users:read",
        "members:read",
        "api_keys:read",
        "catalog:read",
        "budgets:read",
        "usage:read",
        "alerts:read",
        "audit:read",
        "settings:read",
    }
)

PLATFORM_PERMISSIONS: Final[Mapping[PlatformRole, frozenset[Permission]]] = {
    "owner": frozenset(PERMISSIONS),
    "admin": frozenset(PERMISSIONS) - {"users:write"},
    "auditor": _PLATFORM_READS,
}

_TENANT_READS: Final[frozenset[Permission]] = frozenset(
    {"tenants:read", "members:read", "api_keys:read", "catalog:read", "budgets:read", "usage:read", "alerts:read"}
)
_TENANT_MEMBER: Final[frozenset[Permission]] = _TENANT_READS | {"own_api_keys:write"}
_TENANT_ADMIN: Final[frozenset[Permission]] = _TENANT_MEMBER | {"api_keys:write", "members:write", "alerts:write"}

TENANT_PERMISSIONS: Final[Mapping[TenantRole, frozenset[Permission]]] = {
    "owner": _TENANT_ADMIN | {"tenants:write"},
    "admin": _TENANT_ADMIN,
    "member": _TENANT_MEMBER,
    "viewer": _TENANT_READS,
}
"""A tenant's own ceilings (its limits, budgets and models) are the platform's to set, so no role here includes them."""


def permissions_of(role: PlatformRole | None) -> frozenset[Permission]:
    """Everything a platform role may do; nothing without one."""
    return frozenset() if role is None else PLATFORM_PERMISSIONS[role]


def is_above(role: TenantRole, other: TenantRole) -> bool:
    """Whether `role` is a higher one than `other`."""
    return TENANT_ROLES.index(role) < TENANT_ROLES.index(other)
