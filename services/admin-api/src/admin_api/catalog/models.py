"""The tables of the catalog: aliases, and the routes that serve them."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from admin_api.database import ControlBase


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
    capabilities: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    routes: Mapped[list["RouteRow"]] = relationship(
        lazy="raise", order_by="RouteRow.position", cascade="all, delete-orphan", passive_deletes=True
    )


class RouteRow(ControlBase):
    """`credential` is sealed. `prices` are all its versions that ever were or will be; they outlive the route."""

    __tablename__ = "routes"
    __table_args__ = (
        # Deferred, so that routes can change places within one transaction.
        UniqueConstraint("alias", "position", deferrable=True, initially="DEFERRED"),
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
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    weight: Mapped[int] = mapped_column(SmallInteger, server_default=text("1"))
    max_output_tokens: Mapped[int | None] = mapped_column(Integer)
    operations: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    # Not `metadata`: that name is SQLAlchemy's.
    settings: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, server_default=text("'{}'"))
    prices: Mapped[list["PriceRow"]] = relationship(
        primaryjoin="RouteRow.id == foreign(PriceRow.route_id)",
        order_by="(PriceRow.effective_from, PriceRow.created_at)",
        lazy="raise",
        cascade="save-update, merge",
        passive_deletes="all",
    )


class PriceRow(ControlBase):
    """What a route costs from a moment on, until its next version: never changed, and kept when the route is gone, so that calls
    can be priced again. `prices` as in `prices.Prices`; `source` says whence they are, if not from who wrote them."""

    __tablename__ = "route_prices"
    __table_args__ = (Index(None, "route_id", "effective_from", "created_at"),)

    version: Mapped[str] = mapped_column(Text, primary_key=True)
    route_id: Mapped[str] = mapped_column(Text)
    effective_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    prices: Mapped[dict[str, str]] = mapped_column(JSONB)
    source: Mapped[str | None] = mapped_column(Text)
