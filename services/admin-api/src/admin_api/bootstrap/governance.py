"""Limits and budgets of a bootstrap. Each function says whether it changed anything."""

from dataclasses import replace

from admin_api.api_keys.models import ApiKeyRow
from admin_api.api_keys.service import change as change_key
from admin_api.bootstrap.domain import BudgetContent, Deed, LimitsContent, TenantSettingsContent, decide
from admin_api.bootstrap.run import Run
from admin_api.budgets import repository as budgets
from admin_api.budgets.service import change as change_budget
from admin_api.budgets.service import insert as insert_budget
from admin_api.configuration import records
from admin_api.rate_limits import repository as rate_limits
from admin_api.rate_limits.ceiling import check_ceiling
from admin_api.rate_limits.domain import normal
from admin_api.rate_limits.models import loaded, stored
from admin_api.runtime_settings import repository as runtime_settings
from admin_api.runtime_settings.domain import TENANTS_SETTING
from admin_api.tenants.models import TenantRow
from admin_api.tenants.repository import ids_that_follow_the_default
from common.events.control import LimitPolicy
from common.events.subjects import LIMITS_SETTING, POLICIES_BUCKET, SETTINGS_BUCKET
from common.http.errors import InvalidRequestError

_NOTHING = LimitPolicy()


async def put_tenant_settings(run: Run, wanted: TenantSettingsContent | None) -> bool:
    if wanted is None:
        return False
    is_set = await runtime_settings.are_tenant_settings_set(run.session)
    remembered = await run.resource_id("settings", TENANTS_SETTING) is not None
    deed = decide(exists=is_set, remembered=remembered, replace=run.replace or wanted.replace)
    await run.remember("settings", TENANTS_SETTING, TENANTS_SETTING)
    if deed is Deed.NOTHING or (is_set and await runtime_settings.tenant_settings(run.session) == wanted.settings):
        return False
    await runtime_settings.replace_tenant_settings(run.session, wanted.settings, now=run.now)
    following = await ids_that_follow_the_default(run.session)
    await records.hold(run.session, POLICIES_BUCKET, *following)
    await records.emit(run.session, POLICIES_BUCKET, *following)
    return True


async def put_limits(run: Run, wanted: LimitsContent) -> bool:
    """Limits are there when anything is limited."""
    subject = await run.subject_id(wanted.subject, "limits")
    if subject is None:
        return False
    name, policy = str(wanted.subject), normal(wanted.policy)
    row = await _limited(run, wanted)
    current = loaded(row.limits) if row is not None else await rate_limits.find_defaults(run.session)
    remembered = await run.resource_id("limits", name) is not None
    deed = decide(exists=current != _NOTHING, remembered=remembered, replace=run.replace or wanted.replace)
    changed = deed is not Deed.NOTHING and current != policy
    if changed:
        await _set_limits(run, row, policy)
    await run.remember("limits", name, subject)
    return changed


async def _limited(run: Run, wanted: LimitsContent) -> TenantRow | ApiKeyRow | None:
    subject = wanted.subject
    if subject.scope == "installation":
        return None
    assert subject.tenant is not None
    if subject.key is not None:
        return run.key_meant(subject.tenant, subject.key, "limits")
    return await run.tenant(subject.tenant)


async def _set_limits(run: Run, row: TenantRow | ApiKeyRow | None, policy: LimitPolicy) -> None:
    if row is None:
        await records.hold(run.session, SETTINGS_BUCKET, LIMITS_SETTING)
        await rate_limits.replace_defaults(run.session, policy, now=run.now)
        await records.emit(run.session, SETTINGS_BUCKET, LIMITS_SETTING)
    elif isinstance(row, TenantRow):
        await records.hold(run.session, POLICIES_BUCKET, row.id)
        row.limits = stored(policy)
        await records.emit(run.session, POLICIES_BUCKET, row.id)
    elif row.revoked_at is None:
        await check_ceiling(run.session, row.tenant_id, policy)
        await change_key(run.session, row, {"limits": stored(policy)})


async def put_budget(run: Run, wanted: BudgetContent) -> bool:
    subject = await run.subject_id(wanted.subject, "budgets")
    if subject is None:
        return False
    plan = replace(wanted.plan, subject=subject)
    name = f"{wanted.subject}: {plan.name}"
    made = await run.resource_id("budget", name)
    row = None if made is None else await budgets.find(run.session, made)
    row = row or await budgets.find_named(run.session, plan.scope, plan.subject, plan.name)
    deed = decide(exists=row is not None, remembered=made is not None, replace=run.replace or wanted.replace)
    changed = deed is Deed.MAKE
    if deed is Deed.MAKE:
        row, _ = await insert_budget(run.session, plan, now=run.now)
    elif deed is Deed.REPLACE and row is not None:
        if (row.scope, row.subject) != (plan.scope, plan.subject):
            raise InvalidRequestError(f"budgets: {plan.name} is for something else now.")
        fields = {
            "name": plan.name,
            "amount_nano_usd": plan.amount_nano_usd,
            "hard": plan.hard,
            "schedule": plan.schedule,
            "timezone": plan.timezone,
            "warn_at": plan.warn_at,
            "alert_at": list(plan.alert_at),
        }
        if plan.starts_at is not None:
            fields["starts_at"] = plan.starts_at
        different = {field: value for field, value in fields.items() if getattr(row, field) != value}
        changed = bool(different)
        if changed:
            await change_budget(run.session, row, different, now=run.now)
    if row is not None:
        await run.remember("budget", name, row.id)
    return changed
