"""Budgets, what they have spent, and whom calls are for. Only adds, so that replicas of before go on working."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

_CONTROL = "control"
_LEDGER = "ledger"


def upgrade() -> None:
    _create_budgets()
    op.add_column("tenants", sa.Column("timezone", sa.Text, nullable=False, server_default="UTC"), schema=_CONTROL)
    op.add_column("api_keys", sa.Column("owner_id", sa.Text), schema=_CONTROL)
    op.create_foreign_key(
        "api_keys_owner_id_fkey",
        "api_keys",
        "users",
        ["owner_id"],
        ["id"],
        source_schema=_CONTROL,
        referent_schema=_CONTROL,
    )
    op.add_column("routes", sa.Column("max_output_tokens", sa.Integer), schema=_CONTROL)
    op.create_check_constraint(
        "routes_max_output_tokens_check", "routes", "max_output_tokens BETWEEN 1 AND 100000000", schema=_CONTROL
    )
    _create_spending()
    empty = sa.text("'{}'")
    for column in (
        sa.Column("end_user", sa.Text),
        sa.Column("metadata", postgresql.JSONB, nullable=False, server_default=empty),
        sa.Column("tags", postgresql.JSONB, nullable=False, server_default=empty),
        sa.Column("attempts", sa.BigInteger, nullable=False, server_default=sa.text("1")),
    ):
        op.add_column("usage_entries", column, schema=_LEDGER)


def _create_budgets() -> None:
    op.create_table(
        "budgets",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("amount_nano_usd", sa.BigInteger, nullable=False),
        sa.Column("hard", sa.Boolean, nullable=False),
        sa.Column("schedule", sa.Text, nullable=False),
        sa.Column("timezone", sa.Text),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("warn_at", sa.SmallInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="budgets_pkey"),
        sa.CheckConstraint("scope IN ('installation', 'tenant', 'key', 'user')", name="budgets_scope_check"),
        sa.CheckConstraint("amount_nano_usd >= 0", name="budgets_amount_check"),
        sa.CheckConstraint("warn_at BETWEEN 1 AND 100", name="budgets_warn_at_check"),
        schema=_CONTROL,
    )
    op.create_index("budgets_scope_subject_idx", "budgets", ["scope", "subject"], schema=_CONTROL)


def _create_spending() -> None:
    op.create_table(
        "budget_periods",
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spent_nano_usd", sa.Numeric(38, 0), nullable=False),
        sa.PrimaryKeyConstraint("budget_id", "period_start", name="budget_periods_pkey"),
        schema=_LEDGER,
    )
    op.create_table(
        "budget_crossings",
        sa.Column("budget_id", sa.Text, nullable=False),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("level", sa.SmallInteger, nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("budget_id", "period_start", "level", name="budget_crossings_pkey"),
        schema=_LEDGER,
    )
