"""Use cases of rate limits. Those of a tenant or a key are part of its configuration record, the defaults are one of their own.

A key's limits cannot be set above what applies to its tenant at that moment. A tenant's can be lowered at any time, below
those of its keys too, because in an incident that must take one call: the strictest applies.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.service import change as change_key
from admin_api.api_keys.service import existing as existing_key
from admin_api.configuration import records
from admin_api.configuration.propagation import Propagation
from admin_api.rate_limits import repository
from admin_api.rate_limits.ceiling import refuse_above
from admin_api.rate_limits.domain import LimitView, key_effective, normal, tenant_effective
from admin_api.rate_limits.models import loaded, stored
from admin_api.tenants.models import TenantRow
from admin_api.tenants.service import existing as existing_tenant
from admin_api.tenants.service import update_tenant
from common.clock import Clock
from common.db.engine import Sessions
from common.events.control import LimitPolicy
from common.events.subjects import LIMITS_SETTING, SETTINGS_BUCKET


async def read_defaults(sessions: Sessions) -> LimitView:
    """What applies to tenants that have no limits of their own."""
    async with sessions.begin() as session:
        return _of_installation(await repository.find_defaults(session))


async def set_defaults(sessions: Sessions, policy: LimitPolicy, *, clock: Clock, propagation: Propagation) -> LimitView:
    """Raises `NotInForceError`."""
    propagation.check()
    policy = normal(policy)
    async with sessions.begin() as session:
        await records.hold(session, SETTINGS_BUCKET, LIMITS_SETTING)
        await repository.replace_defaults(session, policy, now=clock())
        ids = await records.emit(session, SETTINGS_BUCKET, LIMITS_SETTING)
    await propagation.wait(ids)
    return _of_installation(policy)


async def read_tenant_limits(sessions: Sessions, tenant_id: str) -> LimitView:
    """Raises `NotFoundError`."""
    async with sessions.begin() as session:
        return await _of_tenant(session, await existing_tenant(session, tenant_id))


async def set_tenant_limits(
    sessions: Sessions, tenant_id: str, policy: LimitPolicy, *, clock: Clock, propagation: Propagation
) -> LimitView:
    """Raises `NotFoundError` or `NotInForceError`."""
    changes = {"limits": stored(normal(policy))}
    row = await update_tenant(sessions, tenant_id, clock=clock, propagation=propagation, changes=changes)
    async with sessions.begin() as session:
        return await _of_tenant(session, row)


async def read_key_ceilings(sessions: Sessions, tenant_id: str) -> LimitView:
    """What a key would have that has no limits of its own. Raises `NotFoundError`."""
    async with sessions.begin() as session:
        tenant = await existing_tenant(session, tenant_id)
        return _of_key(LimitPolicy(), loaded(tenant.limits), await repository.find_defaults(session))


async def read_key_limits(sessions: Sessions, tenant_id: str, key_id: str) -> LimitView:
    """Raises `NotFoundError`."""
    async with sessions.begin() as session:
        tenant = await existing_tenant(session, tenant_id)
        row = await existing_key(session, tenant_id, key_id)
        return _of_key(loaded(row.limits), loaded(tenant.limits), await repository.find_defaults(session))


async def set_key_limits(
    sessions: Sessions, tenant_id: str, key_id: str, policy: LimitPolicy, *, propagation: Propagation
) -> LimitView:
    """Raises `NotFoundError`, `ConflictError` for a revoked key, `AboveCeilingError`, or `NotInForceError`."""
    propagation.check()
    policy = normal(policy)
    async with sessions.begin() as session:
        tenant = loaded((await existing_tenant(session, tenant_id)).limits)
        row = await existing_key(session, tenant_id, key_id)
        installation = await repository.find_defaults(session)
        refuse_above(policy, tenant=tenant, installation=installation)
        ids = await change_key(session, row, {"limits": stored(policy)})
    await propagation.wait(ids)
    return _of_key(policy, tenant, installation)


def _of_installation(policy: LimitPolicy) -> LimitView:
    return LimitView(own=policy, effective=policy, tenant=None, installation=None)


async def _of_tenant(session: AsyncSession, row: TenantRow) -> LimitView:
    own, installation = loaded(row.limits), await repository.find_defaults(session)
    return LimitView(own=own, effective=tenant_effective(own, installation), tenant=None, installation=installation)


def _of_key(own: LimitPolicy, tenant: LimitPolicy, installation: LimitPolicy) -> LimitView:
    ceiling = tenant_effective(tenant, installation)
    return LimitView(own=own, effective=key_effective(own, ceiling), tenant=ceiling, installation=installation)
