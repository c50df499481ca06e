"""The table of tenants."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class TenantRow(ControlBase):
    """`models` is the allow-list of aliases: null means every model, an empty list means none. `limits` are its own rate
    limits (`LimitPolicy`): null means those of the installation. `timezone` is where its budgets' days begin."""

    __tablename__ = "tenants"
    __table_args__ = (UniqueConstraint("name"), CheckConstraint("status IN ('active', 'suspended')", name="status"))

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    models: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    timezone: Mapped[str] = mapped_column(Text, server_default=text("'UTC'"))
    limits: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
