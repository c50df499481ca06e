"""Whether a directory disabled an account, so that it enables none that people have disabled. Only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column("disabled_by_directory", sa.Boolean, nullable=False, server_default=sa.text("false")),
        schema="control",
    )
