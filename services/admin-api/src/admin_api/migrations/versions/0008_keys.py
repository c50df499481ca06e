"""Keys: personal ones, suspended ones, the secret of before while a rotation's grace lasts, and when each was last used.
Only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_CONTROL, _LEDGER = "control", "ledger"


def upgrade() -> None:
    for column in (
        sa.Column("kind", sa.Text, nullable=False, server_default=sa.text("'service'")),
        sa.Column("suspended_at", sa.DateTime(timezone=True)),
        sa.Column("previous_hash", sa.Text),
        sa.Column("previous_hint", sa.Text),
        sa.Column("previous_ends_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("api_keys", column, schema=_CONTROL)
    op.create_check_constraint(
        "api_keys_kind_check",
        "api_keys",
        "kind = 'service' OR (kind = 'personal' AND owner_id IS NOT NULL)",
        schema=_CONTROL,
    )
    op.create_check_constraint(
        "api_keys_previous_check",
        "api_keys",
        "(previous_hash IS NULL) = (previous_ends_at IS NULL)",
        schema=_CONTROL,
    )
    op.create_unique_constraint("api_keys_previous_hash_key", "api_keys", ["previous_hash"], schema=_CONTROL)
    op.create_index("api_keys_owner_id_idx", "api_keys", ["owner_id"], schema=_CONTROL)
    op.create_table(
        "key_activity",
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="key_activity_pkey"),
        schema=_LEDGER,
    )
