"""Create the table of deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SCHEMA = "alerts"


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="deliveries_pkey"),
        sa.CheckConstraint("channel IN ('email', 'webhook')", name="deliveries_channel_check"),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="deliveries_status_check"),
        sa.CheckConstraint("attempts >= 0", name="deliveries_attempts_check"),
        sa.CheckConstraint("(status = 'delivered') = (delivered_at IS NOT NULL)", name="deliveries_delivered_at_check"),
        sa.UniqueConstraint("event_id", "channel", "address", name="deliveries_event_id_channel_address_key"),
        schema=SCHEMA,
    )
