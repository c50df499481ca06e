"""The usage ledger: entries partitioned by time, and their hourly sums."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

_SCHEMA = "ledger"


def upgrade() -> None:
    _create_entries()
    _create_hourly()


def _create_entries() -> None:
    def text(name: str) -> sa.Column[str]:
        return sa.Column(name, sa.Text, nullable=False)

    def count(name: str) -> sa.Column[int]:
        return sa.Column(name, sa.BigInteger, nullable=False)

    op.create_table(
        "usage_entries",
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        text("call_id"),
        text("tenant_id"),
        text("key_id"),
        text("alias"),
        text("route_id"),
        text("provider"),
        text("model"),
        text("operation"),
        sa.Column("stream", sa.Boolean, nullable=False),
        text("status"),
        sa.Column("http_status", sa.SmallInteger, nullable=False),
        sa.Column("error_code", sa.Text),
        count("input_tokens"),
        count("cached_input_tokens"),
        count("output_tokens"),
        count("reasoning_tokens"),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("lines", postgresql.JSONB, nullable=False),
        count("cost_nano_usd"),
        text("price_version"),
        count("latency_ms"),
        sa.Column("first_token_ms", sa.BigInteger),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("occurred_at", "call_id", name="usage_entries_pkey"),
        sa.CheckConstraint(
            "status IN ('succeeded', 'failed', 'aborted', 'interrupted')", name="usage_entries_status_check"
        ),
        sa.CheckConstraint(
            "input_tokens >= 0 AND cached_input_tokens >= 0 AND output_tokens >= 0 AND reasoning_tokens >= 0",
            name="usage_entries_tokens_check",
        ),
        sa.CheckConstraint("cost_nano_usd >= 0", name="usage_entries_cost_check"),
        schema=_SCHEMA,
        postgresql_partition_by="RANGE (occurred_at)",
    )
    for column in ("tenant_id", "key_id", "alias"):
        op.create_index(
            f"usage_entries_{column}_occurred_at_call_id_idx",
            "usage_entries",
            [column, "occurred_at", "call_id"],
            schema=_SCHEMA,
        )
    # The worker makes the monthly partitions. Until it has, and for dates that no month was made for, this one takes the rows.
    op.execute(f"CREATE TABLE {_SCHEMA}.usage_entries_default PARTITION OF {_SCHEMA}.usage_entries DEFAULT")


def _create_hourly() -> None:
    dimensions = ("tenant_id", "key_id", "alias", "provider", "model")
    counts = ("requests", "failed_requests", "aborted_requests", "interrupted_requests", "estimated_requests")
    sums = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost_nano_usd")
    op.create_table(
        "usage_hourly",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in dimensions),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in counts),
        *(sa.Column(name, sa.Numeric(38, 0), nullable=False) for name in sums),
        sa.PrimaryKeyConstraint("hour", *dimensions, name="usage_hourly_pkey"),
        schema=_SCHEMA,
    )
    op.create_index("usage_hourly_tenant_id_hour_idx", "usage_hourly", ["tenant_id", "hour"], schema=_SCHEMA)
