"""Create the table of files."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SCHEMA = "files"


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_details", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="files_pkey"),
        sa.CheckConstraint("starts_with(id, 'file-')", name="files_id_check"),
        sa.CheckConstraint(
            "status IN ('uploading', 'uploaded', 'processed', 'error', 'deleted')", name="files_status_check"
        ),
        sa.CheckConstraint("bytes >= 0", name="files_bytes_check"),
        sa.CheckConstraint(
            "status = 'uploading' OR status = 'error' OR bytes IS NOT NULL", name="files_bytes_known_check"
        ),
        schema=SCHEMA,
    )
    op.create_index("files_tenant_id_id_idx", "files", ["tenant_id", "id"], schema=SCHEMA)
