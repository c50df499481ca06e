"""Rate limits, what a key may do, the order and share of routes, fallbacks. Only adds, so that replicas of before go on working."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

_SCHEMA = "control"


def upgrade() -> None:
    def add(table: str, *columns: sa.Column[object]) -> None:
        for column in columns:
            op.add_column(table, column, schema=_SCHEMA)

    def texts(name: str) -> sa.Column[object]:
        return sa.Column(name, postgresql.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'"))

    op.create_table(
        "settings",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", postgresql.JSONB, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="settings_pkey"),
        schema=_SCHEMA,
    )
    add("tenants", sa.Column("limits", postgresql.JSONB))
    add(
        "api_keys",
        sa.Column("limits", postgresql.JSONB),
        sa.Column("scopes", postgresql.ARRAY(sa.Text)),
        sa.Column("models", postgresql.ARRAY(sa.Text)),
        texts("allowed_addresses"),
        sa.Column("tags", postgresql.JSONB, nullable=False, server_default=sa.text("'{}'")),
    )
    add("models", texts("fallbacks"), texts("context_length_fallbacks"), texts("content_filter_fallbacks"))
    add(
        "routes",
        sa.Column("priority", sa.SmallInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("weight", sa.SmallInteger, nullable=False, server_default=sa.text("1")),
    )
    op.create_check_constraint("routes_priority_check", "routes", "priority BETWEEN 0 AND 100", schema=_SCHEMA)
    op.create_check_constraint("routes_weight_check", "routes", "weight BETWEEN 1 AND 1000", schema=_SCHEMA)
