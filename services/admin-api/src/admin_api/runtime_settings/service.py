"""Use cases of settings that are changed at run time."""

from typing import Final

from admin_api.budgets.defaults import due, follow_default
from admin_api.configuration import records
from admin_api.configuration.propagation import Propagation
from admin_api.runtime_settings import repository
from admin_api.runtime_settings.domain import BudgetSettings, TenantSettings
from admin_api.tenants.repository import ids_that_follow_the_default
from common.clock import Clock
from common.db.engine import Sessions
from common.events.subjects import POLICIES_BUCKET

_TENANTS_PER_TRANSACTION: Final = 200


async def read_tenant_settings(sessions: Sessions) -> TenantSettings:
    async with sessions.begin() as session:
        return await repository.tenant_settings(session)


async def set_tenant_settings(
    sessions: Sessions, settings: TenantSettings, *, clock: Clock, propagation: Propagation
) -> TenantSettings:
    """Return once the tenants that follow the default models have them. Raises `NotInForceError`.

    There may be many of those, so they are told in several transactions; `Keeper` finds what a process that is killed in between
    has left out.
    """
    propagation.check()
    async with sessions.begin() as session:
        await repository.replace_tenant_settings(session, settings, now=clock())
        following = await ids_that_follow_the_default(session)
    for start in range(0, len(following), _TENANTS_PER_TRANSACTION):
        some = following[start : start + _TENANTS_PER_TRANSACTION]
        async with sessions.begin() as session:
            await records.hold(session, POLICIES_BUCKET, *some)
            ids = await records.emit(session, POLICIES_BUCKET, *some)
        await propagation.wait(ids)
    return settings


async def read_budget_settings(sessions: Sessions) -> BudgetSettings:
    async with sessions.begin() as session:
        return await repository.budget_settings(session)


async def set_budget_settings(
    sessions: Sessions, settings: BudgetSettings, *, clock: Clock, propagation: Propagation
) -> BudgetSettings:
    """Return once the tenants without a budget of their own have it. Raises `NotInForceError`.

    As with tenants' default models there may be many, and what is left out is found by a task (`budgets.defaults`).
    """
    propagation.check()
    async with sessions.begin() as session:
        await repository.replace_budget_settings(session, settings, now=clock())
    while tenant_ids := await due(sessions):
        async with sessions.begin() as session:
            ids = await follow_default(session, tenant_ids, now=clock())
        await propagation.wait(ids)
    return settings
