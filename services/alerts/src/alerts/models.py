"""The tables of the schema `alerts`. Only this service reads or writes them; queries are not here."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db.engine import schema_metadata

SCHEMA: Final = "alerts"


class Base(DeclarativeBase):
    """What the tables of this schema share: text is `text`, and every instant knows its time zone."""

    metadata = schema_metadata(SCHEMA)
    type_annotation_map = {  # noqa: RUF012
        str: Text(),
        int: BigInteger(),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(),
    }


class AlertRow(Base):
    """Something people were told of, or why they were not. One per event, however often that arrives.

    `tenant_id` is null for what concerns the platform and no tenant. `subject` is what it is about: the cooldown counts by it.
    `link` is the path in the portal.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        CheckConstraint("severity IN ('info', 'warning', 'critical')", name="severity"),
        CheckConstraint("status IN ('sent', 'suppressed')", name="status"),
        CheckConstraint("(status = 'suppressed') = (why IS NOT NULL)", name="why"),
        UniqueConstraint("event_id"),
        Index(None, "tenant_id", "id"),
        Index(None, "subject", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str]
    kind: Mapped[str]
    subject: Mapped[str]
    tenant_id: Mapped[str | None]
    severity: Mapped[str]
    level: Mapped[int]
    title: Mapped[str]
    facts: Mapped[dict[str, Any]]
    link: Mapped[str]
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    status: Mapped[str]
    why: Mapped[str | None]


class DeliveryRow(Base):
    """An alert on its way to one address. `webhook` is what the webhook was when the alert was raised, its secret sealed.

    `attempts` counts since it was last asked for; `most_attempts` null: as many as the settings say. `leased_until`: a replica is
    at it. Which attempts there were is in `attempts`.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("channel IN ('email', 'webhook')", name="channel"),
        CheckConstraint("(channel = 'webhook') = (webhook IS NOT NULL)", name="webhook"),
        CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("(status = 'pending') = (next_attempt_at IS NOT NULL)", name="next_attempt_at"),
        CheckConstraint("(status = 'delivered') = (delivered_at IS NOT NULL)", name="delivered_at"),
        UniqueConstraint("alert_id", "channel", "address", name="deliveries_alert_id_channel_address_key"),
        Index(None, "next_attempt_at", postgresql_where=text("status = 'pending'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.alerts.id", ondelete="CASCADE"))
    channel: Mapped[str]
    address: Mapped[str]
    webhook: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    status: Mapped[str]
    attempts: Mapped[int]
    most_attempts: Mapped[int | None]
    next_attempt_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]


class AttemptRow(Base):
    """One try to deliver. `error` null: it arrived."""

    __tablename__ = "attempts"
    __table_args__ = (Index(None, "delivery_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("alerts.deliveries.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    duration_ms: Mapped[int]
    status_code: Mapped[int | None]
    error: Mapped[str | None]
