"""The table of tenants."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, DateTime, ForeignKey, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class TenantRow(ControlBase):
    """`models` is the allow-list of aliases: null means every model, an empty list means none. `limits` are its own rate
    limits (`LimitPolicy`): null means those of the installation. `timezone` is where its budgets' days begin. `personal_of` is the
    user whose personal tenant it is; they are its only member. With `follows_default_models`, those of the
    installation's settings count instead of `models`. Of a deleted tenant only the id is left, for the ledger.
    """

    __tablename__ = "tenants"
    __table_args__ = (
        UniqueConstraint("name"),
        UniqueConstraint("personal_of"),
        CheckConstraint("status IN ('active', 'suspended', 'archived', 'deleted')", name="status"),
        CheckConstraint("kind IN ('organization', 'personal')", name="kind"),
        CheckConstraint("(kind = 'personal') = (personal_of IS NOT NULL)", name="personal_of"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    models: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    timezone: Mapped[str] = mapped_column(Text, server_default=text("'UTC'"))
    limits: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    kind: Mapped[str] = mapped_column(Text, server_default=text("'organization'"))
    contact: Mapped[str] = mapped_column(Text, server_default=text("''"))
    tags: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    archived_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    personal_of: Mapped[str | None] = mapped_column(Text, ForeignKey("control.users.id"))
    purge_after: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    follows_default_models: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
