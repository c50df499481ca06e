"""The table of the audit log. A trigger refuses to change or remove what is in it."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class AuditEntryRow(ControlBase):
    """`before` and `after` are the fields that changed; of something made or removed, all of them. Secrets are masked."""

    __tablename__ = "audit_entries"
    __audited__ = False
    __table_args__ = (
        Index(None, "tenant_id", "id"),
        Index(None, "actor_id", "id"),
        Index(None, "resource_type", "resource_id", "id"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    actor_kind: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    resource_type: Mapped[str] = mapped_column(Text)
    resource_id: Mapped[str] = mapped_column(Text)
    tenant_id: Mapped[str | None] = mapped_column(Text)
    before: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    after: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    address: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
