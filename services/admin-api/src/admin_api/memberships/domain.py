"""Rules of memberships: who may give or take which role. Pure."""

from admin_api.errors import LastOwnerError
from admin_api.permissions import TenantRole, is_above
from common.http.errors import ForbiddenError


def check_grant(*, by: TenantRole | None, current: TenantRole | None, wanted: TenantRole | None) -> None:
    """Whether somebody with the role `by` may turn `current` into `wanted`; `None` is no membership. Raises `ForbiddenError`.

    Nobody grants a role above their own, and nobody touches a person above them. `by` is `None` for the platform's own people,
    who stand above all roles of tenants.
    """
    if by is None:
        return
    for role in (current, wanted):
        if role is not None and is_above(role, by):
            raise ForbiddenError(f"The role {role} is above your own, {by}.")


def check_owner_remains(*, current: TenantRole | None, wanted: TenantRole | None, owners: int) -> None:
    """Raises `LastOwnerError` when the last of a tenant's `owners` would be none any more."""
    if current == "owner" and wanted != "owner" and owners <= 1:
        raise LastOwnerError
