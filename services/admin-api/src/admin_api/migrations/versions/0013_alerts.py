"""Who is told of what: policies of alerts with their webhooks, how mail leaves, and which keys' ends were announced. Only adds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0013"
down_revision = "0012"

_SCHEMA = "control"
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "alert_policies",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("emails", ARRAY(sa.Text), nullable=False),
        sa.Column("cooldown_seconds", sa.Integer, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="alert_policies_pkey"),
        sa.ForeignKeyConstraint(["tenant_id"], ["control.tenants.id"], name="alert_policies_tenant_id_fkey"),
        sa.CheckConstraint("id = coalesce(tenant_id, 'default')", name="alert_policies_id_check"),
        schema=_SCHEMA,
    )
    op.create_table(
        "alert_webhooks",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("policy_id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="alert_webhooks_pkey"),
        sa.ForeignKeyConstraint(["policy_id"], ["control.alert_policies.id"], name="alert_webhooks_policy_id_fkey"),
        sa.CheckConstraint("format IN ('json', 'slack')", name="alert_webhooks_format_check"),
        schema=_SCHEMA,
    )
    op.create_index("alert_webhooks_policy_id_idx", "alert_webhooks", ["policy_id"], schema=_SCHEMA)
    op.create_table(
        "alert_transports",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("smtp_host", sa.Text),
        sa.Column("smtp_port", sa.Integer, nullable=False),
        sa.Column("smtp_security", sa.Text, nullable=False),
        sa.Column("smtp_username", sa.Text),
        sa.Column("smtp_password", sa.Text),
        sa.Column("smtp_from", sa.Text, nullable=False),
        sa.Column("smtp_timeout_ms", sa.Integer, nullable=False),
        sa.Column("webhook_timeout_ms", sa.Integer, nullable=False),
        sa.Column("max_retries", sa.Integer, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="alert_transports_pkey"),
        sa.CheckConstraint("id = 'transport'", name="alert_transports_id_check"),
        sa.CheckConstraint("smtp_security IN ('starttls', 'tls', 'none')", name="alert_transports_smtp_security_check"),
        schema=_SCHEMA,
    )
    op.create_table(
        "key_notices",
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("told_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key_id", "expires_at", "days", name="key_notices_pkey"),
        sa.ForeignKeyConstraint(
            ["key_id"], ["control.api_keys.id"], ondelete="CASCADE", name="key_notices_key_id_fkey"
        ),
        schema=_SCHEMA,
    )
