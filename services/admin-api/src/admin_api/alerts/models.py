"""The tables of alert policies, their webhooks, and how mail leaves."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, DateTime, ForeignKey, Index, Integer, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from admin_api.database import ControlBase
from common.events.alerts import SmtpSecurity, WebhookFormat


class AlertWebhookRow(ControlBase):
    """`secret` is sealed for `webhook_secret_purpose(id)`."""

    __tablename__ = "alert_webhooks"
    __table_args__ = (CheckConstraint("format IN ('json', 'slack')", name="format"), Index(None, "policy_id"))

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    policy_id: Mapped[str] = mapped_column(Text, ForeignKey("control.alert_policies.id"))
    tenant_id: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str] = mapped_column(Text)
    format: Mapped[WebhookFormat] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text, info={"secret": True})
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class AlertPolicyRow(ControlBase):
    """Of a tenant, under its id, or of the installation and all other tenants, under `default`."""

    __tablename__ = "alert_policies"
    __table_args__ = (CheckConstraint("id = coalesce(tenant_id, 'default')", name="id"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    tenant_id: Mapped[str | None] = mapped_column(Text, ForeignKey("control.tenants.id"))
    enabled: Mapped[bool] = mapped_column(Boolean)
    emails: Mapped[list[str]] = mapped_column(ARRAY(Text))
    cooldown_seconds: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info={"audit": False})
    webhooks: Mapped[list[AlertWebhookRow]] = relationship(
        order_by=AlertWebhookRow.id, cascade="all, delete-orphan", lazy="selectin"
    )


class AlertTransportRow(ControlBase):
    """One row. `smtp_host` null: the service alerts' own configuration counts. `smtp_password` is sealed."""

    __tablename__ = "alert_transports"
    __table_args__ = (
        CheckConstraint("id = 'transport'", name="id"),
        CheckConstraint("smtp_security IN ('starttls', 'tls', 'none')", name="smtp_security"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    smtp_host: Mapped[str | None] = mapped_column(Text)
    smtp_port: Mapped[int] = mapped_column(Integer)
    smtp_security: Mapped[SmtpSecurity] = mapped_column(Text)
    smtp_username: Mapped[str | None] = mapped_column(Text)
    smtp_password: Mapped[str | None] = mapped_column(Text, info={"secret": True})
    smtp_from: Mapped[str] = mapped_column(Text)
    smtp_timeout_ms: Mapped[int] = mapped_column(Integer)
    webhook_timeout_ms: Mapped[int] = mapped_column(Integer)
    max_retries: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info={"audit": False})
