"""The table of budgets."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase
from common.events.control import BudgetScope


class BudgetRow(ControlBase):
    """`subject` is the id of what the budget is for, empty for the installation; `timezone` null: its tenant's, else UTC. Besides
    `warn_at`, people are told at `alert_at`. One that follows the default goes when its tenant gets one of its own."""

    __tablename__ = "budgets"
    __table_args__ = (
        CheckConstraint("scope IN ('installation', 'tenant', 'key', 'user')", name="scope"),
        CheckConstraint("amount_nano_usd >= 0", name="amount"),
        CheckConstraint("warn_at BETWEEN 1 AND 100", name="warn_at"),
        CheckConstraint("cardinality(alert_at) <= 8", name="alert_at"),
        CheckConstraint("NOT follows_default OR scope = 'tenant'", name="follows_default"),
        Index(None, "scope", "subject"),
        Index("budgets_follows_default_key", "subject", unique=True, postgresql_where=text("follows_default")),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    scope: Mapped[BudgetScope] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    amount_nano_usd: Mapped[int] = mapped_column(BigInteger)
    hard: Mapped[bool] = mapped_column(Boolean)
    schedule: Mapped[str] = mapped_column(Text)
    timezone: Mapped[str | None] = mapped_column(Text)
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    warn_at: Mapped[int] = mapped_column(SmallInteger)
    alert_at: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger), default=list, server_default=text("'{}'"))
    follows_default: Mapped[bool] = mapped_column(Boolean, default=False, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
