"""Tenants that are deleted after a time, and personal ones that follow the default models. Only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_SCHEMA = "control"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("purge_after", sa.DateTime(timezone=True)), schema=_SCHEMA)
    op.add_column(
        "tenants",
        sa.Column("follows_default_models", sa.Boolean, nullable=False, server_default=sa.text("false")),
        schema=_SCHEMA,
    )
    op.drop_constraint("tenants_status_check", "tenants", schema=_SCHEMA)
    op.create_check_constraint(
        "tenants_status_check",
        "tenants",
        "status IN ('active', 'suspended', 'archived', 'deleted')",
        schema=_SCHEMA,
    )
