"""Every query on settings that are changed at run time."""

from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.rate_limits.models import SettingRow
from admin_api.runtime_settings.domain import TENANTS_SETTING, TenantSettings


async def tenant_settings(session: AsyncSession) -> TenantSettings:
    row = await session.get(SettingRow, TENANTS_SETTING)
    return TenantSettings() if row is None else msgspec.convert(row.value, TenantSettings)


async def are_tenant_settings_set(session: AsyncSession) -> bool:
    return await session.get(SettingRow, TENANTS_SETTING) is not None


async def replace_tenant_settings(session: AsyncSession, settings: TenantSettings, *, now: datetime) -> None:
    row, value = await session.get(SettingRow, TENANTS_SETTING), msgspec.to_builtins(settings)
    if row is None:
        session.add(SettingRow(name=TENANTS_SETTING, value=value, updated_at=now))
    else:
        row.value, row.updated_at = value, now
