"""What a key's own limits are held against. Apart from the use cases of limits, because those of keys ask it, too."""

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.errors import AboveCeilingError
from admin_api.rate_limits import repository
from admin_api.rate_limits.domain import first_excess
from admin_api.rate_limits.models import loaded
from admin_api.tenants.service import existing as existing_tenant
from common.events.control import LimitPolicy


async def check_ceiling(session: AsyncSession, tenant_id: str, policy: LimitPolicy) -> None:
    """Whether a key of the tenant can have these limits. Raises `AboveCeilingError`."""
    tenant = loaded((await existing_tenant(session, tenant_id)).limits)
    refuse_above(policy, tenant=tenant, installation=await repository.find_defaults(session))


def refuse_above(policy: LimitPolicy, *, tenant: LimitPolicy, installation: LimitPolicy) -> None:
    """Raises `AboveCeilingError` for the first limit that is above what applies to the tenant."""
    excess = first_excess(policy, tenant=tenant, installation=installation)
    if excess is not None:
        raise AboveCeilingError(
            f"{excess.field}: {excess.value} is above {excess.ceiling}, which is {excess.ceiling_value}.",
            param=excess.field,
        )
