"""The tables of the catalog: aliases, and the routes that serve them."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from admin_api.database import ControlBase

_PRICE = Numeric(16, 9)


class ModelRow(ControlBase):
    """An alias. Its routes are loaded with it, in their order."""

    __tablename__ = "models"
    __table_args__ = (Index(None, "created_at", "alias"),)

    alias: Mapped[str] = mapped_column(Text, primary_key=True)
    enabled: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), info={"audit": False})
    fallbacks: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    context_length_fallbacks: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    content_filter_fallbacks: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    routes: Mapped[list["RouteRow"]] = relationship(
        lazy="raise", order_by="RouteRow.position", cascade="all, delete-orphan", passive_deletes=True
    )


class RouteRow(ControlBase):
    """`credential` is sealed; prices are USD per million tokens; `price_version` is new whenever a price changes."""

    __tablename__ = "routes"
    __table_args__ = (
        # Deferred, so that routes can change places within one transaction.
        UniqueConstraint("alias", "position", deferrable=True, initially="DEFERRED"),
        CheckConstraint("price_input >= 0 AND price_cached_input >= 0 AND price_output >= 0", name="prices"),
        CheckConstraint("priority BETWEEN 0 AND 100", name="priority"),
        CheckConstraint("weight BETWEEN 1 AND 1000", name="weight"),
        CheckConstraint("max_output_tokens BETWEEN 1 AND 100000000", name="max_output_tokens"),
    )

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    alias: Mapped[str] = mapped_column(Text, ForeignKey("control.models.alias", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(Integer)
    provider: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    base_url: Mapped[str] = mapped_column(Text)
    credential: Mapped[str | None] = mapped_column(Text, info={"secret": True})
    price_input: Mapped[Decimal | None] = mapped_column(_PRICE)
    price_cached_input: Mapped[Decimal | None] = mapped_column(_PRICE)
    price_output: Mapped[Decimal | None] = mapped_column(_PRICE)
    price_version: Mapped[str] = mapped_column(Text)
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    weight: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    max_output_tokens: Mapped[int | None] = mapped_column(Integer)
    operations: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
