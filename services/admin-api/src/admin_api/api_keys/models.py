"""The table of API keys. The secret is nowhere: only its keyed hash and what may be displayed of it."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class ApiKeyRow(ControlBase):
    """A key is never deleted, so that the usage of a revoked one keeps its name."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("hash"), Index(None, "tenant_id", "id"))

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Text, ForeignKey("control.tenants.id"))
    name: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(Text)
    hint: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
