"""Provisioning by SCIM: its tokens, the people and groups it keeps, what groups give, and what it has given. Only adds."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_SCHEMA = "control"
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "scim_tokens",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("last_used_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="scim_tokens_pkey"),
        sa.UniqueConstraint("token_hash", name="scim_tokens_token_hash_key"),
        schema=_SCHEMA,
    )
    op.create_table(
        "scim_users",
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("external_id", sa.Text),
        sa.Column("platform_role", sa.Text),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("user_id", name="scim_users_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["control.users.id"], ondelete="CASCADE", name="scim_users_user_id_fkey"),
        sa.UniqueConstraint("user_name", name="scim_users_user_name_key"),
        schema=_SCHEMA,
    )
    op.create_table(
        "scim_groups",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("external_id", sa.Text),
        sa.Column("platform_role", sa.Text),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="scim_groups_pkey"),
        sa.CheckConstraint("platform_role IN ('admin', 'auditor')", name="scim_groups_platform_role_check"),
        schema=_SCHEMA,
    )
    op.create_table(
        "scim_group_members",
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("group_id", "user_id", name="scim_group_members_pkey"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["control.scim_groups.id"], ondelete="CASCADE", name="scim_group_members_group_id_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["control.scim_users.user_id"], ondelete="CASCADE", name="scim_group_members_user_id_fkey"
        ),
        schema=_SCHEMA,
    )
    op.create_index("scim_group_members_user_id_idx", "scim_group_members", ["user_id"], schema=_SCHEMA)
    op.create_table(
        "scim_group_roles",
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("group_id", "tenant_id", name="scim_group_roles_pkey"),
        sa.ForeignKeyConstraint(
            ["group_id"], ["control.scim_groups.id"], ondelete="CASCADE", name="scim_group_roles_group_id_fkey"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["control.tenants.id"], name="scim_group_roles_tenant_id_fkey"),
        sa.CheckConstraint("role IN ('admin', 'member', 'viewer')", name="scim_group_roles_role_check"),
        schema=_SCHEMA,
    )
    op.create_table(
        "scim_grants",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name="scim_grants_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["control.memberships.tenant_id", "control.memberships.user_id"],
            ondelete="CASCADE",
            name="scim_grants_tenant_id_user_id_fkey",
        ),
        schema=_SCHEMA,
    )
