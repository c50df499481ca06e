"""Personal tenants: each person's own, made when they sign in, if the installation is set to. It follows the default models until
somebody gives it others."""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.memberships.models import MembershipRow
from admin_api.runtime_settings.repository import tenant_settings
from admin_api.tenants import repository
from admin_api.tenants.service import insert
from admin_api.users.models import UserRow

_LONGEST_NAME: Final = 100


async def ensure_personal_tenant(session: AsyncSession, user: UserRow, *, now: datetime) -> None:
    """Make the person's own tenant in the caller's transaction, unless they have one or are not to. The edge is told in the
    background: the tenant has no key yet that could be used."""
    if not (await tenant_settings(session)).personal_tenants:
        return
    if await repository.find_personal(session, user.id) is not None:
        return
    name = f"Personal: {user.email}"[:_LONGEST_NAME]
    if await repository.find_by_name(session, name) is not None:
        name = f"Personal: {user.id}"
    tenant, _ = await insert(session, name=name, models=[], now=now, personal_of=user.id)
    session.add(MembershipRow(tenant_id=tenant.id, user_id=user.id, role="owner", created_at=now))
