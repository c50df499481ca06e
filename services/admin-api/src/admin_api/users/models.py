"""The table of users."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, DateTime, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class UserRow(ControlBase):
    """`email` is stored as `users.domain.normal_email` makes it. `role` is the platform role, null for most people;
    `password_hash` is argon2id, null for who signs in elsewhere. Whom a directory has disabled, it may enable again; whom people
    have, people may.
    """

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("email"),
        CheckConstraint("role IN ('owner', 'admin', 'auditor')", name="role"),
        CheckConstraint("theme IN ('system', 'light', 'dark')", name="theme"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text, info={"secret": True})
    disabled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    disabled_by_directory: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_login_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info={"audit": False})
    theme: Mapped[str] = mapped_column(Text, server_default=text("'system'"), info={"audit": False})
