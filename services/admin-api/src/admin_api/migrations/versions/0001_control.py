"""The control plane: tenants, users, sessions, API keys, catalog, outbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

_SCHEMA = "control"


def _moment(name: str, *, nullable: bool = False, server_default: sa.TextClause | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, server_default=server_default)


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("models", postgresql.ARRAY(sa.Text)),
        _moment("created_at"),
        sa.PrimaryKeyConstraint("id", name="tenants_pkey"),
        sa.UniqueConstraint("name", name="tenants_name_key"),
        sa.CheckConstraint("status IN ('active', 'suspended')", name="tenants_status_check"),
        schema=_SCHEMA,
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        _moment("disabled_at", nullable=True),
        _moment("created_at"),
        _moment("last_login_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
        sa.UniqueConstraint("email", name="users_email_key"),
        sa.CheckConstraint("role IN ('owner', 'admin', 'auditor')", name="users_role_check"),
        schema=_SCHEMA,
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        _moment("created_at"),
        _moment("last_seen_at"),
        _moment("expires_at"),
        sa.PrimaryKeyConstraint("id", name="sessions_pkey"),
        sa.UniqueConstraint("token_hash", name="sessions_token_hash_key"),
        sa.ForeignKeyConstraint(["user_id"], ["control.users.id"], ondelete="CASCADE", name="sessions_user_id_fkey"),
        schema=_SCHEMA,
    )
    op.create_index("sessions_user_id_idx", "sessions", ["user_id"], schema=_SCHEMA)
    op.create_index("sessions_expires_at_idx", "sessions", ["expires_at"], schema=_SCHEMA)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        _moment("created_at"),
        _moment("expires_at", nullable=True),
        _moment("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="api_keys_pkey"),
        sa.UniqueConstraint("hash", name="api_keys_hash_key"),
        sa.ForeignKeyConstraint(["tenant_id"], ["control.tenants.id"], name="api_keys_tenant_id_fkey"),
        schema=_SCHEMA,
    )
    op.create_index("api_keys_tenant_id_id_idx", "api_keys", ["tenant_id", "id"], schema=_SCHEMA)
    _create_catalog()
    _create_outbox()


def _create_catalog() -> None:
    op.create_table(
        "models",
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("alias", name="models_pkey"),
        schema=_SCHEMA,
    )
    op.create_index("models_created_at_alias_idx", "models", ["created_at", "alias"], schema=_SCHEMA)
    price = sa.Numeric(16, 9)
    op.create_table(
        "routes",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("alias", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("base_url", sa.Text, nullable=False),
        sa.Column("credential", sa.Text),
        sa.Column("price_input", price),
        sa.Column("price_cached_input", price),
        sa.Column("price_output", price),
        sa.Column("price_version", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="routes_pkey"),
        sa.UniqueConstraint(
            "alias", "position", name="routes_alias_position_key", deferrable=True, initially="DEFERRED"
        ),
        sa.ForeignKeyConstraint(["alias"], ["control.models.alias"], ondelete="CASCADE", name="routes_alias_fkey"),
        sa.CheckConstraint(
            "price_input >= 0 AND price_cached_input >= 0 AND price_output >= 0", name="routes_prices_check"
        ),
        schema=_SCHEMA,
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        _moment("created_at", server_default=sa.text("now()")),
        _moment("done_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="outbox_pkey"),
        sa.CheckConstraint("kind IN ('put', 'delete', 'publish')", name="outbox_kind_check"),
        schema=_SCHEMA,
    )
    op.create_index("outbox_pending_idx", "outbox", ["id"], schema=_SCHEMA, postgresql_where=sa.text("done_at IS NULL"))
    op.create_index(
        "outbox_done_at_idx", "outbox", ["done_at"], schema=_SCHEMA, postgresql_where=sa.text("done_at IS NOT NULL")
    )
