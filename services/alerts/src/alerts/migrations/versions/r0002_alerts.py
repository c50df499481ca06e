"""Alerts, their deliveries and every attempt of these. Nothing was delivered before, so the table of deliveries is made anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

SCHEMA = "alerts"
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("occurred_at", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="alerts_pkey"),
        sa.UniqueConstraint("event_id", name="alerts_event_id_key"),
        sa.CheckConstraint("severity IN ('info', 'warning', 'critical')", name="alerts_severity_check"),
        sa.CheckConstraint("status IN ('sent', 'suppressed')", name="alerts_status_check"),
        sa.CheckConstraint("(status = 'suppressed') = (why IS NOT NULL)", name="alerts_why_check"),
        schema=SCHEMA,
    )
    op.create_index("alerts_tenant_id_id_idx", "alerts", ["tenant_id", "id"], schema=SCHEMA)
    op.create_index("alerts_subject_id_idx", "alerts", ["subject", "id"], schema=SCHEMA)
    op.drop_table("deliveries", schema=SCHEMA)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("alert_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("webhook", JSONB(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("most_attempts", sa.BigInteger(), nullable=True),
        sa.Column("next_attempt_at", _MOMENT, nullable=True),
        sa.Column("leased_until", _MOMENT, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("delivered_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="deliveries_pkey"),
        sa.ForeignKeyConstraint(
            ["alert_id"], [f"{SCHEMA}.alerts.id"], ondelete="CASCADE", name="deliveries_alert_id_fkey"
        ),
        sa.CheckConstraint("channel IN ('email', 'webhook')", name="deliveries_channel_check"),
        sa.CheckConstraint("(channel = 'webhook') = (webhook IS NOT NULL)", name="deliveries_webhook_check"),
        sa.CheckConstraint("status IN ('pending', 'delivered', 'failed')", name="deliveries_status_check"),
        sa.CheckConstraint("attempts >= 0", name="deliveries_attempts_check"),
        sa.CheckConstraint(
            "(status = 'pending') = (next_attempt_at IS NOT NULL)", name="deliveries_next_attempt_at_check"
        ),
        sa.CheckConstraint("(status = 'delivered') = (delivered_at IS NOT NULL)", name="deliveries_delivered_at_check"),
        sa.UniqueConstraint("alert_id", "channel", "address", name="deliveries_alert_id_channel_address_key"),
        schema=SCHEMA,
    )
    op.create_index(
        "deliveries_next_attempt_at_idx",
        "deliveries",
        ["next_attempt_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("status_code", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="attempts_pkey"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], [f"{SCHEMA}.deliveries.id"], ondelete="CASCADE", name="attempts_delivery_id_fkey"
        ),
        schema=SCHEMA,
    )
    op.create_index("attempts_delivery_id_idx", "attempts", ["delivery_id"], schema=SCHEMA)
