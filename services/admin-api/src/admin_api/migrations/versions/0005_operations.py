"""What a route's model can do. Only adds, so that replicas of before go on working."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("routes", sa.Column("operations", postgresql.ARRAY(sa.Text)), schema="control")
