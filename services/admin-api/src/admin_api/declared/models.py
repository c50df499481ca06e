"""The table of the models that the YAML file declares."""

from datetime import datetime

from sqlalchemy import DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class DeclaredModelRow(ControlBase):
    """An alias of the file. `digest` is what it said when it was last applied, and `model_updated_at` the model's moment then: a
    model with another one was edited since, one that is gone was deleted, and both are left to whoever did that. Null: it was never
    applied. `problem` says why what the file says now is not in force."""

    __tablename__ = "declared_models"
    __audited__ = False

    alias: Mapped[str] = mapped_column(Text, primary_key=True)
    digest: Mapped[str] = mapped_column(Text)
    model_updated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    problem: Mapped[str | None] = mapped_column(Text)
