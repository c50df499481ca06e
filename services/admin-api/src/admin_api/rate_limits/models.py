"""The table of the installation's settings, and how limits are kept in a column, here and in other tables."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import DateTime, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase
from common.events.control import LimitPolicy


class SettingRow(ControlBase):
    """One setting of the whole installation: each is a record of the bucket `settings`, under its name."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info={"audit": False})


def stored(policy: LimitPolicy) -> Any:
    """What a column holds: null where nothing is limited."""
    return None if policy == LimitPolicy() else msgspec.to_builtins(policy)


def loaded(value: Any) -> LimitPolicy:
    """What a column says."""
    return LimitPolicy() if value is None else msgspec.convert(value, LimitPolicy)
