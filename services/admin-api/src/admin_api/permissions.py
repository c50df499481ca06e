"""Who may do what: one table from role to permissions. Every endpoint names one of these permissions (`dependencies.require`).

Roles are of the platform. What a role may do is decided here and nowhere else.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

Role = Literal["owner", "admin", "auditor"]

Permission = Literal[
    "tenants:read",
    "tenants:write",
    "users:read",
    "users:write",
    "api_keys:read",
    "api_keys:write",
    "catalog:read",
    "catalog:write",
    "budgets:read",
    "budgets:write",
    "usage:read",
    "settings:read",
    "settings:write",
]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
PERMISSIONS: Final[tuple[Permission, ...]] = get_args(Permission)

_READ_ONLY: Final[frozenset[Permission]] = frozenset(
    {"tenants:read", "users:read", "api_keys:read", "catalog:read", "budgets:read", "usage:read", "settings:read"}
)

ROLE_PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    "owner": frozenset(PERMISSIONS),
    "admin": frozenset(PERMISSIONS) - {"users:write"},
    "auditor": _READ_ONLY,
}


def permissions_of(role: Role) -> frozenset[Permission]:
    """Everything `role` may do."""
    return ROLE_PERMISSIONS[role]
