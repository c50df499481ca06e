"""Rules of sessions: who a signed-in person is, and how long a session lives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from admin_api.permissions import TENANT_PERMISSIONS, Permission, PlatformRole, TenantRole, permissions_of

SESSION_COOKIE: Final = "omg_session"
# A session that is used is not written to on every request: its idle time is exact to this much.
_TOUCH_AFTER: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The person behind a request, who came with a session or with an access token: one of the two ids is set.

    `tenant_roles` are theirs by tenant, without archived tenants. `narrowed_to` is what an access token is for: null means
    everything its person may.
    """

    user_id: str
    role: PlatformRole | None
    tenant_roles: Mapping[str, TenantRole] = field(default_factory=dict)
    session_id: str | None = None
    access_token_id: str | None = None
    narrowed_to: frozenset[Permission] | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        """Of the platform role."""
        return self._narrowed(permissions_of(self.role))

    def permissions_in(self, tenant_id: str) -> frozenset[Permission]:
        """Of the role in a tenant; none in a tenant of others."""
        role = self.tenant_roles.get(tenant_id)
        return frozenset() if role is None else self._narrowed(TENANT_PERMISSIONS[role])

    def tenants_with(self, permission: Permission) -> frozenset[str]:
        """The tenants in which the person's role includes `permission`."""
        return frozenset(tenant_id for tenant_id in self.tenant_roles if permission in self.permissions_in(tenant_id))

    def _narrowed(self, permissions: frozenset[Permission]) -> frozenset[Permission]:
        return permissions if self.narrowed_to is None else permissions & self.narrowed_to


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """A session ends `idle` after its last use, and `lifetime` after signing in whatever happens."""

    idle: timedelta
    lifetime: timedelta

    def is_alive(self, *, last_seen_at: datetime, expires_at: datetime, now: datetime) -> bool:
        return now < expires_at and now < last_seen_at + self.idle

    def needs_touch(self, *, last_seen_at: datetime, now: datetime) -> bool:
        """Whether the last use is old enough to be written down again."""
        return now >= last_seen_at + min(_TOUCH_AFTER, self.idle / 2)


def hash_token(token: str) -> str:
    """Under what a token is stored; all ours have 256 random bits, so a plain SHA-256 is one-way enough."""
    return sha256(token.encode()).hexdigest()
