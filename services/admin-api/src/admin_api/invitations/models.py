"""The table of invitations. The token itself is only in the link that was handed out; here is its SHA-256."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class InvitationRow(ControlBase):
    """`purpose` says what it is good for: a `membership` of the tenant, a `platform` role, or a new `password` for whoever has the
    address already. A membership's `role` is one in the tenant. What was withdrawn has been removed.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        CheckConstraint("purpose IN ('membership', 'platform', 'password')", name="purpose"),
        CheckConstraint("(purpose = 'membership') = (tenant_id IS NOT NULL)", name="tenant_id"),
        Index(None, "tenant_id", "id"),
        Index(None, "email"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    token_hash: Mapped[str] = mapped_column(Text, info={"secret": True})
    purpose: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    tenant_id: Mapped[str | None] = mapped_column(Text, ForeignKey("control.tenants.id", ondelete="CASCADE"))
    role: Mapped[str | None] = mapped_column(Text)
    invited_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
