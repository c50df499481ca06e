"""The tables of the schema `alerts`. Only this service reads or writes them; queries are not here."""

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from common.db.engine import schema_metadata

SCHEMA: Final = "alerts"


class Base(DeclarativeBase):
    """What the tables of this schema share: text is `text`, and every instant knows its time zone."""

    metadata = schema_metadata(SCHEMA)
    type_annotation_map = {str: Text(), int: BigInteger(), datetime: DateTime(timezone=True)}  # noqa: RUF012


class Delivery(Base):
    """One notification to one address. The same event leads to one delivery per address, however often it arrives.

    `tenant_id` is null for what concerns the platform and no tenant.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("channel IN ('email', 'webhook')", name="channel"),
        CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="status"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("(status = 'delivered') = (delivered_at IS NOT NULL)", name="delivered_at"),
        UniqueConstraint("event_id", "channel", "address", name="deliveries_event_id_channel_address_key"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str]
    event_type: Mapped[str]
    tenant_id: Mapped[str | None]
    channel: Mapped[str]
    address: Mapped[str]
    status: Mapped[str]
    attempts: Mapped[int]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
