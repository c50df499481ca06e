"""The tables of provisioning."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from admin_api.database import ControlBase


class ScimTokenRow(ControlBase):
    """With which a directory signs in. The token is shown once; here is its SHA-256. A revoked one is deleted."""

    __tablename__ = "scim_tokens"
    __table_args__ = (UniqueConstraint("token_hash"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    token_hash: Mapped[str] = mapped_column(Text, info={"secret": True})
    hint: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info={"audit": False})


class ScimUserRow(ControlBase):
    """A person whom the directory keeps. `user_name` is its name for them, in lower case; `platform_role` is what its groups have
    given."""

    __tablename__ = "scim_users"
    __table_args__ = (UniqueConstraint("user_name"),)

    user_id: Mapped[str] = mapped_column(Text, ForeignKey("control.users.id", ondelete="CASCADE"), primary_key=True)
    user_name: Mapped[str] = mapped_column(Text)
    external_id: Mapped[str | None] = mapped_column(Text)
    platform_role: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ScimGroupRow(ControlBase):
    """A group of the directory. `platform_role` is what its members are given; roles in tenants are in `scim_group_roles`."""

    __tablename__ = "scim_groups"
    __table_args__ = (CheckConstraint("platform_role IN ('admin', 'auditor')", name="platform_role"),)

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    display_name: Mapped[str] = mapped_column(Text)
    external_id: Mapped[str | None] = mapped_column(Text)
    platform_role: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ScimGroupMemberRow(ControlBase):
    """Who is in a group. Groups in groups are not kept."""

    __tablename__ = "scim_group_members"
    __table_args__ = (Index(None, "user_id"),)

    group_id: Mapped[str] = mapped_column(
        Text, ForeignKey("control.scim_groups.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[str] = mapped_column(
        Text, ForeignKey("control.scim_users.user_id", ondelete="CASCADE"), primary_key=True
    )


class ScimGroupRoleRow(ControlBase):
    """What a group's members are in a tenant. Owners are made by people."""

    __tablename__ = "scim_group_roles"
    __table_args__ = (CheckConstraint("role IN ('admin', 'member', 'viewer')", name="role"),)

    group_id: Mapped[str] = mapped_column(
        Text, ForeignKey("control.scim_groups.id", ondelete="CASCADE"), primary_key=True
    )
    tenant_id: Mapped[str] = mapped_column(Text, ForeignKey("control.tenants.id"), primary_key=True)
    role: Mapped[str] = mapped_column(Text)


class ScimGrantRow(ControlBase):
    """A membership that groups have given, and take away again. Those that people made have none, and are left alone."""

    __tablename__ = "scim_grants"
    __audited__ = False
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "user_id"],
            ["control.memberships.tenant_id", "control.memberships.user_id"],
            ondelete="CASCADE",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[str] = mapped_column(Text, primary_key=True)
