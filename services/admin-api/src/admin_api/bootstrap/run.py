"""What every step of a bootstrap has: the transaction, and how entries of the document find the rows they mean."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.models import ApiKeyRow
from admin_api.bootstrap import repository
from admin_api.bootstrap.domain import Subject
from admin_api.sessions.passwords import Passwords
from admin_api.tenants import repository as tenants
from admin_api.tenants.models import TenantRow
from admin_api.users import repository as users
from admin_api.users.models import UserRow
from common.crypto.sealing import Sealer
from common.http.errors import InvalidRequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One bootstrap. With `replace`, every entry is made what the document says. `keys` are those of the document, by tenant and
    name, as far as they are there."""

    session: AsyncSession
    now: datetime
    replace: bool
    passwords: Passwords
    sealer: Sealer
    hash_secret: bytes
    keys: dict[tuple[str, str], ApiKeyRow | None] = field(default_factory=dict)

    async def resource_id(self, kind: str, name: str) -> str | None:
        return await repository.resource_id(self.session, kind, name)

    async def remember(self, kind: str, name: str, resource: str) -> None:
        await repository.remember(self.session, kind, name, resource, now=self.now)

    async def tenant(self, name: str) -> TenantRow | None:
        """The tenant that bears the name, in the document or now; `None` when there is none."""
        made = await self.resource_id("tenant", name)
        row = None if made is None else await tenants.find(self.session, made)
        return row or await tenants.find_by_name(self.session, name)

    async def tenant_meant(self, name: str, by: str) -> TenantRow | None:
        """`None` when it was there once and is gone since. Raises `InvalidRequestError` when there has never been one."""
        row = await self.tenant(name)
        if row is None and await self.resource_id("tenant", name) is None:
            raise InvalidRequestError(f"{by}: there is no tenant named {name}.")
        return None if row is None or row.status == "deleted" else row

    async def user_meant(self, email: str, by: str) -> UserRow | None:
        """As for a tenant."""
        row = await users.find_by_email(self.session, email)
        if row is None and await self.resource_id("user", email) is None:
            raise InvalidRequestError(f"{by}: there is no user {email}.")
        return row

    def key_meant(self, tenant: str, name: str, by: str) -> ApiKeyRow | None:
        """As for a tenant."""
        if (tenant, name) not in self.keys:
            raise InvalidRequestError(f"{by}: this document has no API key of {tenant} named {name}.")
        return self.keys[tenant, name]

    async def subject_id(self, subject: Subject, by: str) -> str | None:
        """The id of what limits or a budget are for; empty for the installation."""
        if subject.scope == "installation":
            return ""
        if subject.user is not None:
            user = await self.user_meant(subject.user, by)
            return None if user is None else user.id
        assert subject.tenant is not None
        tenant = await self.tenant_meant(subject.tenant, by)
        if tenant is None or subject.key is None:
            return None if tenant is None else tenant.id
        key = self.key_meant(subject.tenant, subject.key, by)
        return None if key is None else key.id
