"""The table of API keys. The secret is nowhere: only its keyed hash and what may be displayed of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class ApiKeyRow(ControlBase):
    """A key is never deleted, so that the usage of a revoked one keeps its name.

    `scopes` and `models` are allow-lists: null means all that the tenant may use, an empty list means none. `allowed_addresses`
    are networks, none of them means any address. `limits` are a `LimitPolicy`, null for none. The budgets of the user `owner_id`
    count what it costs; a personal key is its owner's alone, and in force only while they may sign in.

    After a rotation, the secret of before is good until `previous_ends_at`. A suspended key can be made active again.
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("hash"),
        UniqueConstraint("previous_hash"),
        Index(None, "tenant_id", "id"),
        Index(None, "owner_id"),
        CheckConstraint("kind = 'service' OR (kind = 'personal' AND owner_id IS NOT NULL)", name="kind"),
        CheckConstraint("(previous_hash IS NULL) = (previous_ends_at IS NULL)", name="previous"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Text, ForeignKey("control.tenants.id"))
    name: Mapped[str] = mapped_column(Text)
    hash: Mapped[str] = mapped_column(Text, info={"secret": True})
    hint: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    owner_id: Mapped[str | None] = mapped_column(Text, ForeignKey("control.users.id"))
    limits: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    models: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    allowed_addresses: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    tags: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    kind: Mapped[str] = mapped_column(Text, server_default=text("'service'"))
    suspended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    previous_hash: Mapped[str | None] = mapped_column(Text, info={"secret": True})
    previous_hint: Mapped[str | None] = mapped_column(Text)
    previous_ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class KeyNoticeRow(ControlBase):
    """It was said that a key expires at a moment, `days` days before or less. Not audited: nobody did anything."""

    __tablename__ = "key_notices"
    __audited__ = False

    key_id: Mapped[str] = mapped_column(Text, ForeignKey("control.api_keys.id", ondelete="CASCADE"), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    days: Mapped[int] = mapped_column(Integer, primary_key=True)
    told_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
