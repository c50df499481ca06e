"""Which months of entries were dropped, so that their sums are never made again from what arrives late. Only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "dropped_months",
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("ended_at", name="dropped_months_pkey"),
        schema="ledger",
    )
