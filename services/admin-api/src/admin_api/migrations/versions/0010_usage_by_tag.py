"""Hourly sums by the tags that keys carried. Only adds; calls of before have none here until the rollups are rebuilt."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_COUNTS = ("requests", "failed_requests", "aborted_requests", "interrupted_requests", "estimated_requests")
_SUMS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost_nano_usd")
_KEY = ("tenant_id", "key_id", "name", "value")


def upgrade() -> None:
    op.create_table(
        "usage_hourly_tags",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _KEY),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS),
        *(sa.Column(name, sa.Numeric(38, 0), nullable=False) for name in _SUMS),
        sa.PrimaryKeyConstraint("hour", *_KEY, name="usage_hourly_tags_pkey"),
        schema="ledger",
    )
    op.create_index("usage_hourly_tags_tenant_id_hour_idx", "usage_hourly_tags", ["tenant_id", "hour"], schema="ledger")
