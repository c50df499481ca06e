"""What models can do, and settings of a route's provider. Only adds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    for table, column in (("models", "capabilities"), ("routes", "metadata")):
        op.add_column(
            table,
            sa.Column(column, postgresql.JSONB, nullable=False, server_default=sa.text("'{}'")),
            schema="control",
        )
