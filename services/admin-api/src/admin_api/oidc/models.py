"""The tables of identities and of the sessions that come from a provider."""

from datetime import datetime

from sqlalchemy import Boolean, DateTime, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class IdentityRow(ControlBase):
    """Who somebody is at a provider: its issuer and subject, which never change, unlike names and addresses. `grants_admin`: their
    platform role came with this identity, and goes when the provider does not say so any more."""

    __tablename__ = "identities"
    __table_args__ = (Index(None, "user_id"),)

    issuer: Mapped[str] = mapped_column(Text, primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[str] = mapped_column(Text, ForeignKey("control.users.id", ondelete="CASCADE"))
    grants_admin: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class SsoSessionRow(ControlBase):
    """What a session has to do with its provider. `sid` is the provider's own session; `refresh_token` is sealed, and asked with
    now and then whether the person is still to be let in."""

    __tablename__ = "sso_sessions"
    __audited__ = False
    __table_args__ = (Index(None, "issuer", "subject"),)

    session_id: Mapped[str] = mapped_column(
        Text, ForeignKey("control.sessions.id", ondelete="CASCADE"), primary_key=True
    )
    provider: Mapped[str] = mapped_column(Text)
    issuer: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    sid: Mapped[str | None] = mapped_column(Text)
    refresh_token: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    checked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
