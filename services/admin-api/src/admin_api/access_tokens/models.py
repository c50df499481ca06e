"""The table of personal access tokens. The token is shown once; here is its SHA-256."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class AccessTokenRow(ControlBase):
    """`permissions` narrow what its person may do: null means all of it."""

    __tablename__ = "access_tokens"
    __table_args__ = (UniqueConstraint("token_hash"), Index(None, "user_id", "id"))

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[str] = mapped_column(Text, ForeignKey("control.users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[str] = mapped_column(Text, info={"secret": True})
    hint: Mapped[str] = mapped_column(Text)
    permissions: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info={"audit": False})
