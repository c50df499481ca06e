"""Every query on the installation's settings."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.rate_limits.models import SettingRow, loaded, stored
from common.events.control import LimitPolicy
from common.events.subjects import LIMITS_SETTING


async def find_defaults(session: AsyncSession) -> LimitPolicy:
    row = await session.get(SettingRow, LIMITS_SETTING)
    return loaded(None if row is None else row.value)


async def replace_defaults(session: AsyncSession, policy: LimitPolicy, *, now: datetime) -> None:
    """Make these the installation's limits; ones that limit nothing leave no row."""
    row, value = await session.get(SettingRow, LIMITS_SETTING), stored(policy)
    if value is None:
        if row is not None:
            await session.delete(row)
    elif row is None:
        session.add(SettingRow(name=LIMITS_SETTING, value=value, updated_at=now))
    else:
        row.value, row.updated_at = value, now
