"""The tables of schema `ledger`.

`usage_entries` is partitioned by month of `occurred_at`; its partitions are made at run time (`partitions`), and what fits
none of them is kept in `usage_entries_default`. An entry's identity is the call id together with the start of the call: the
edge repeats an event unchanged, so a repetition hits the same key, and a partitioned table cannot have a narrower one.

`usage_hourly` is the sum over the entries of one whole UTC hour, kept in step by the transaction that inserts the entries
(`repository`) and verifiable at any time (`audit`).
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, Index, Numeric, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from admin_api.database import LEDGER_SCHEMA
from common.db.engine import schema_metadata

# One call's numbers fit a BIGINT with room to spare (events.usage bounds them); sums over calls have no such bound.
_SUM = Numeric(38, 0)


class LedgerBase(DeclarativeBase):
    """What the ledger's models inherit from."""

    metadata = schema_metadata(LEDGER_SCHEMA)


class UsageEntryRow(LedgerBase):
    """One call. `lines` is a list of `{"kind", "quantity", "price"}`, the price in nano-USD per million as a string.

    The indexes serve the newest-first list of calls, plain and by each of its filters.
    """

    __tablename__ = "usage_entries"
    __table_args__ = (
        Index(None, "tenant_id", "occurred_at", "call_id"),
        Index(None, "key_id", "occurred_at", "call_id"),
        Index(None, "alias", "occurred_at", "call_id"),
        CheckConstraint("status IN ('succeeded', 'failed', 'aborted', 'interrupted')", name="status"),
        CheckConstraint(
            "input_tokens >= 0 AND cached_input_tokens >= 0 AND output_tokens >= 0 AND reasoning_tokens >= 0",
            name="tokens",
        ),
        CheckConstraint("cost_nano_usd >= 0", name="cost"),
        {"postgresql_partition_by": "RANGE (occurred_at)"},
    )

    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    call_id: Mapped[str] = mapped_column(Text, primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Text)
    key_id: Mapped[str] = mapped_column(Text)
    alias: Mapped[str] = mapped_column(Text)
    route_id: Mapped[str] = mapped_column(Text)
    provider: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    operation: Mapped[str] = mapped_column(Text)
    stream: Mapped[bool] = mapped_column(Boolean)
    status: Mapped[str] = mapped_column(Text)
    http_status: Mapped[int] = mapped_column(SmallInteger)
    error_code: Mapped[str | None] = mapped_column(Text)
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    cached_input_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)
    reasoning_tokens: Mapped[int] = mapped_column(BigInteger)
    estimated: Mapped[bool] = mapped_column(Boolean)
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    cost_nano_usd: Mapped[int] = mapped_column(BigInteger)
    price_version: Mapped[str] = mapped_column(Text)
    latency_ms: Mapped[int] = mapped_column(BigInteger)
    first_token_ms: Mapped[int | None] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    end_user: Mapped[str | None] = mapped_column(Text)
    # Not `metadata`: that name is SQLAlchemy's.
    labels: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, server_default=text("'{}'"))
    tags: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))


class _Sums:
    """What both tables of hourly sums hold."""

    requests: Mapped[int] = mapped_column(BigInteger)
    failed_requests: Mapped[int] = mapped_column(BigInteger)
    aborted_requests: Mapped[int] = mapped_column(BigInteger)
    interrupted_requests: Mapped[int] = mapped_column(BigInteger)
    estimated_requests: Mapped[int] = mapped_column(BigInteger)
    input_tokens: Mapped[Decimal] = mapped_column(_SUM)
    cached_input_tokens: Mapped[Decimal] = mapped_column(_SUM)
    output_tokens: Mapped[Decimal] = mapped_column(_SUM)
    reasoning_tokens: Mapped[Decimal] = mapped_column(_SUM)
    cost_nano_usd: Mapped[Decimal] = mapped_column(_SUM)


class UsageHourlyRow(_Sums, LedgerBase):
    """The sums of one UTC hour, tenant, key, alias, provider and model. `hour` is its start."""

    __tablename__ = "usage_hourly"
    __table_args__ = (Index(None, "tenant_id", "hour"),)

    hour: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Text, primary_key=True)
    key_id: Mapped[str] = mapped_column(Text, primary_key=True)
    alias: Mapped[str] = mapped_column(Text, primary_key=True)
    provider: Mapped[str] = mapped_column(Text, primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)


class UsageHourlyTagRow(_Sums, LedgerBase):
    """The sums of one UTC hour, key and tag: a call counts once for each of its key's tags, and not at all without one."""

    __tablename__ = "usage_hourly_tags"
    __table_args__ = (Index(None, "tenant_id", "hour"),)

    hour: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Text, primary_key=True)
    key_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text, primary_key=True)


class UsageHourlyModelRow(_Sums, LedgerBase):
    """The sums of one UTC hour that is closed (`coarse`), alias, provider and model."""

    __tablename__ = "usage_hourly_models"

    hour: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    alias: Mapped[str] = mapped_column(Text, primary_key=True)
    provider: Mapped[str] = mapped_column(Text, primary_key=True)
    model: Mapped[str] = mapped_column(Text, primary_key=True)


class UsageHourlyTenantRow(_Sums, LedgerBase):
    """The sums of one UTC hour that is closed, and tenant."""

    __tablename__ = "usage_hourly_tenants"
    __table_args__ = (Index(None, "hour"),)

    tenant_id: Mapped[str] = mapped_column(Text, primary_key=True)
    hour: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)


class ClosedHourRow(LedgerBase):
    """An hour whose coarser sums are there."""

    __tablename__ = "closed_hours"

    hour: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)


class DroppedMonthRow(LedgerBase):
    """A month whose entries were dropped, by its end. Of what began before, the hourly sums are all there is; an entry that arrives
    late is added to them, and is not the whole of its hour."""

    __tablename__ = "dropped_months"

    ended_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)


class KeyActivityRow(LedgerBase):
    """When a key was last used: when the latest of its calls began that the ledger has."""

    __tablename__ = "key_activity"

    key_id: Mapped[str] = mapped_column(Text, primary_key=True)
    last_used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class BudgetPeriodRow(LedgerBase):
    """What was spent of a budget in all that counts for one of its periods (of a rolling one: the last N days): the sum over its
    entries. A period that nobody has asked for has no row yet, and is then summed up (`budgets`). `amount_nano_usd`: what the
    budget was at the end of the period, or is now; null in rows from before that was kept."""

    __tablename__ = "budget_periods"

    budget_id: Mapped[str] = mapped_column(Text, primary_key=True)
    period_start: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    spent_nano_usd: Mapped[Decimal] = mapped_column(_SUM)
    amount_nano_usd: Mapped[int | None] = mapped_column(BigInteger)


class BudgetCrossingRow(LedgerBase):
    """A percentage of a budget was spent for the first time in a period; said once."""

    __tablename__ = "budget_crossings"

    budget_id: Mapped[str] = mapped_column(Text, primary_key=True)
    period_start: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
