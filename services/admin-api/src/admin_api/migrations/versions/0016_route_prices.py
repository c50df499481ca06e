"""Prices of routes by kind, with the moment each version counts from. A route's present prices count from the beginning of time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"

_SCHEMA = "control"
_MOMENT = sa.DateTime(timezone=True)
_KINDS = {"input": "price_input", "cached_input": "price_cached_input", "output": "price_output"}


def upgrade() -> None:
    op.create_table(
        "route_prices",
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("route_id", sa.Text, nullable=False),
        sa.Column("effective_from", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("prices", postgresql.JSONB, nullable=False),
        sa.Column("source", sa.Text),
        sa.PrimaryKeyConstraint("version", name="route_prices_pkey"),
        schema=_SCHEMA,
    )
    op.create_index(
        "route_prices_route_id_effective_from_created_at_idx",
        "route_prices",
        ["route_id", "effective_from", "created_at"],
        schema=_SCHEMA,
    )
    # Without zeros at the end, as the Admin API writes them.
    kinds = ", ".join(f"'{kind}', trim_scale({column})::text" for kind, column in _KINDS.items())
    op.execute(
        "INSERT INTO control.route_prices (version, route_id, effective_from, created_at, prices) "  # noqa: S608
        f"SELECT price_version, id, '2000-01-01Z', now(), jsonb_strip_nulls(jsonb_build_object({kinds})) FROM control.routes"
    )
    op.drop_constraint("routes_prices_check", "routes", schema=_SCHEMA)
    for column in (*_KINDS.values(), "price_version"):
        op.drop_column("routes", column, schema=_SCHEMA)
