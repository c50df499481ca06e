"""People: memberships of tenants, invitations, access tokens, kinds of tenants, and the audit log. Replicas of before go on
working: what they write fits, and a person without a platform role is one they have never let in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

_SCHEMA = "control"
_EMPTY = sa.text("'{}'")

_APPEND_ONLY = (
    """
    CREATE FUNCTION control.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
    END $$
    """,
    """
    CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON control.audit_entries
    FOR EACH ROW EXECUTE FUNCTION control.refuse_change()
    """,
    """
    CREATE TRIGGER audit_entries_not_truncated BEFORE TRUNCATE ON control.audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION control.refuse_change()
    """,
    "REVOKE UPDATE, DELETE, TRUNCATE ON control.audit_entries FROM CURRENT_USER",
)


def upgrade() -> None:
    _extend_tenants()
    _extend_users()
    _create_memberships()
    _create_invitations()
    _create_access_tokens()
    _create_audit_entries()


def _extend_tenants() -> None:
    for column in (
        sa.Column("kind", sa.Text, nullable=False, server_default=sa.text("'organization'")),
        sa.Column("contact", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("tags", postgresql.JSONB, nullable=False, server_default=_EMPTY),
        sa.Column("archived_at", sa.DateTime(timezone=True)),
        sa.Column("personal_of", sa.Text),
    ):
        op.add_column("tenants", column, schema=_SCHEMA)
    op.create_check_constraint("tenants_kind_check", "tenants", "kind IN ('organization', 'personal')", schema=_SCHEMA)
    op.create_check_constraint(
        "tenants_personal_of_check", "tenants", "(kind = 'personal') = (personal_of IS NOT NULL)", schema=_SCHEMA
    )
    op.create_unique_constraint("tenants_personal_of_key", "tenants", ["personal_of"], schema=_SCHEMA)
    op.create_foreign_key(
        "tenants_personal_of_fkey",
        "tenants",
        "users",
        ["personal_of"],
        ["id"],
        source_schema=_SCHEMA,
        referent_schema=_SCHEMA,
    )
    op.drop_constraint("tenants_status_check", "tenants", schema=_SCHEMA)
    op.create_check_constraint(
        "tenants_status_check", "tenants", "status IN ('active', 'suspended', 'archived')", schema=_SCHEMA
    )


def _extend_users() -> None:
    op.alter_column("users", "role", nullable=True, schema=_SCHEMA)
    op.alter_column("users", "password_hash", nullable=True, schema=_SCHEMA)
    op.add_column(
        "users", sa.Column("theme", sa.Text, nullable=False, server_default=sa.text("'system'")), schema=_SCHEMA
    )
    op.create_check_constraint("users_theme_check", "users", "theme IN ('system', 'light', 'dark')", schema=_SCHEMA)
    op.add_column(
        "sessions", sa.Column("method", sa.Text, nullable=False, server_default=sa.text("'local'")), schema=_SCHEMA
    )


def _create_memberships() -> None:
    op.create_table(
        "memberships",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name="memberships_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["control.tenants.id"], "memberships_tenant_id_fkey", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["control.users.id"], "memberships_user_id_fkey", ondelete="CASCADE"),
        sa.CheckConstraint("role IN ('owner', 'admin', 'member', 'viewer')", name="memberships_role_check"),
        schema=_SCHEMA,
    )
    op.create_index("memberships_user_id_idx", "memberships", ["user_id"], schema=_SCHEMA)


def _create_invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text),
        sa.Column("role", sa.Text),
        sa.Column("invited_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="invitations_pkey"),
        sa.UniqueConstraint("token_hash", name="invitations_token_hash_key"),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["control.tenants.id"], "invitations_tenant_id_fkey", ondelete="CASCADE"
        ),
        sa.CheckConstraint("purpose IN ('membership', 'platform', 'password')", name="invitations_purpose_check"),
        sa.CheckConstraint("(purpose = 'membership') = (tenant_id IS NOT NULL)", name="invitations_tenant_id_check"),
        schema=_SCHEMA,
    )
    op.create_index("invitations_tenant_id_id_idx", "invitations", ["tenant_id", "id"], schema=_SCHEMA)
    op.create_index("invitations_email_idx", "invitations", ["email"], schema=_SCHEMA)


def _create_access_tokens() -> None:
    op.create_table(
        "access_tokens",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="access_tokens_pkey"),
        sa.UniqueConstraint("token_hash", name="access_tokens_token_hash_key"),
        sa.ForeignKeyConstraint(["user_id"], ["control.users.id"], "access_tokens_user_id_fkey", ondelete="CASCADE"),
        schema=_SCHEMA,
    )
    op.create_index("access_tokens_user_id_id_idx", "access_tokens", ["user_id", "id"], schema=_SCHEMA)


def _create_audit_entries() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor_kind", "actor_id", "action")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("resource_type", "resource_id")),
        sa.Column("tenant_id", sa.Text),
        sa.Column("before", postgresql.JSONB),
        sa.Column("after", postgresql.JSONB),
        sa.Column("address", sa.Text),
        sa.Column("request_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="audit_entries_pkey"),
        schema=_SCHEMA,
    )
    for columns in (("tenant_id", "id"), ("actor_id", "id"), ("resource_type", "resource_id", "id")):
        op.create_index(f"audit_entries_{'_'.join(columns)}_idx", "audit_entries", [*columns], schema=_SCHEMA)
    for statement in _APPEND_ONLY:
        op.execute(statement)
