"""Every query on settings that are changed at run time."""

from datetime import datetime
from typing import TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.rate_limits.models import SettingRow
from admin_api.runtime_settings.domain import (
    BUDGETS_SETTING,
    TENANTS_SETTING,
    BudgetSettings,
    TenantSettings,
)

T = TypeVar("T")


async def tenant_settings(session: AsyncSession) -> TenantSettings:
    return await _read(session, TENANTS_SETTING, TenantSettings) or TenantSettings()


async def are_tenant_settings_set(session: AsyncSession) -> bool:
    return await session.get(SettingRow, TENANTS_SETTING) is not None


async def replace_tenant_settings(session: AsyncSession, settings: TenantSettings, *, now: datetime) -> None:
    await _replace(session, TENANTS_SETTING, settings, now)


async def budget_settings(session: AsyncSession) -> BudgetSettings:
    return await _read(session, BUDGETS_SETTING, BudgetSettings) or BudgetSettings()


async def replace_budget_settings(session: AsyncSession, settings: BudgetSettings, *, now: datetime) -> None:
    await _replace(session, BUDGETS_SETTING, settings, now)


async def _read(session: AsyncSession, name: str, shape: type[T]) -> T | None:
    row = await session.get(SettingRow, name)
    return None if row is None else msgspec.convert(row.value, shape)


async def _replace(session: AsyncSession, name: str, settings: object, now: datetime) -> None:
    row, value = await session.get(SettingRow, name), msgspec.to_builtins(settings)
    if row is None:
        session.add(SettingRow(name=name, value=value, updated_at=now))
    else:
        row.value, row.updated_at = value, now
