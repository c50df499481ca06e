"""Who people are at an identity provider, and which sessions come from one. Only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_SCHEMA = "control"
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("grants_admin", sa.Boolean, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name="identities_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["control.users.id"], ondelete="CASCADE", name="identities_user_id_fkey"),
        schema=_SCHEMA,
    )
    op.create_index("identities_user_id_idx", "identities", ["user_id"], schema=_SCHEMA)
    op.create_table(
        "sso_sessions",
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("sid", sa.Text),
        sa.Column("refresh_token", sa.Text),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("checked_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="sso_sessions_pkey"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["control.sessions.id"], ondelete="CASCADE", name="sso_sessions_session_id_fkey"
        ),
        schema=_SCHEMA,
    )
    op.create_index("sso_sessions_issuer_subject_idx", "sso_sessions", ["issuer", "subject"], schema=_SCHEMA)
