"""What a YAML file declares: which entries of its bootstrap were there once, and which models are kept as it says."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_SCHEMA = "control"


def upgrade() -> None:
    op.create_table(
        "bootstrap_entries",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="bootstrap_entries_pkey"),
        schema=_SCHEMA,
    )
    op.create_table(
        "declared_models",
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("model_updated_at", sa.DateTime(timezone=True)),
        sa.Column("problem", sa.Text),
        sa.PrimaryKeyConstraint("alias", name="declared_models_pkey"),
        schema=_SCHEMA,
    )
