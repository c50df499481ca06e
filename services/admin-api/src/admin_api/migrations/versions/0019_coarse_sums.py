"""Coarser sums of hours that are over. Only adds; the worker makes them."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_COUNTS = ("requests", "failed_requests", "aborted_requests", "interrupted_requests", "estimated_requests")
_SUMS = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens", "cost_nano_usd")
_TABLES = {
    "usage_hourly_models": ("hour", "alias", "provider", "model"),
    "usage_hourly_tenants": ("tenant_id", "hour"),
}


def upgrade() -> None:
    for table, key in _TABLES.items():
        op.create_table(
            table,
            *(
                sa.Column(name, sa.DateTime(timezone=True) if name == "hour" else sa.Text, nullable=False)
                for name in key
            ),
            *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS),
            *(sa.Column(name, sa.Numeric(38, 0), nullable=False) for name in _SUMS),
            sa.PrimaryKeyConstraint(*key, name=f"{table}_pkey"),
            schema="ledger",
        )
    # Whole hours of it are removed when a late call opens them again.
    op.create_index("usage_hourly_tenants_hour_idx", "usage_hourly_tenants", ["hour"], schema="ledger")
    op.create_table(
        "closed_hours",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hour", name="closed_hours_pkey"),
        schema="ledger",
    )
