"""More percentages to be told of, budgets that follow the installation's default, and what a period's amount was. Only adds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0012"
down_revision = "0011"

_CONTROL = "control"


def upgrade() -> None:
    op.add_column(
        "budgets",
        sa.Column("alert_at", ARRAY(sa.SmallInteger), nullable=False, server_default=sa.text("'{}'")),
        schema=_CONTROL,
    )
    op.add_column(
        "budgets",
        sa.Column("follows_default", sa.Boolean, nullable=False, server_default=sa.text("false")),
        schema=_CONTROL,
    )
    op.create_check_constraint("budgets_alert_at_check", "budgets", "cardinality(alert_at) <= 8", schema=_CONTROL)
    op.create_check_constraint(
        "budgets_follows_default_check", "budgets", "NOT follows_default OR scope = 'tenant'", schema=_CONTROL
    )
    op.create_index(
        "budgets_follows_default_key",
        "budgets",
        ["subject"],
        unique=True,
        schema=_CONTROL,
        postgresql_where=sa.text("follows_default"),
    )
    op.add_column("budget_periods", sa.Column("amount_nano_usd", sa.BigInteger), schema="ledger")
