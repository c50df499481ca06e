"""The table of budgets."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, Index, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase
from common.events.control import BudgetScope


class BudgetRow(ControlBase):
    """`subject` is the id of what the budget is for, empty for the installation; `timezone` null: its tenant's, else UTC."""

    __tablename__ = "budgets"
    __table_args__ = (
        CheckConstraint("scope IN ('installation', 'tenant', 'key', 'user')", name="scope"),
        CheckConstraint("amount_nano_usd >= 0", name="amount"),
        CheckConstraint("warn_at BETWEEN 1 AND 100", name="warn_at"),
        Index(None, "scope", "subject"),
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
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
