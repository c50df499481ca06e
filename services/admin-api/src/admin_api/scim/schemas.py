"""Shapes of the settings of provisioning."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from admin_api.fields import Name, RequestBody
from admin_api.scim.models import ScimGroupRoleRow, ScimGroupRow, ScimTokenRow

GivenPlatformRole = Literal["admin", "auditor"]
GivenTenantRole = Literal["admin", "member", "viewer"]


class ScimToken(BaseModel):
    """A token as it may be shown."""

    id: str
    name: str
    hint: str
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, row: ScimTokenRow) -> "ScimToken":
        return cls(id=row.id, name=row.name, hint=row.hint, created_at=row.created_at, last_used_at=row.last_used_at)


class ScimTokenList(BaseModel):
    """Newest first."""

    data: list[ScimToken]


class ScimTokenCreate(RequestBody):
    """What it is for."""

    name: Name


class ScimTokenCreated(ScimToken):
    """`token` is shown this once."""

    token: str


class GroupTenantRole(RequestBody):
    """What a group's people are in a tenant. Owners are made by people."""

    tenant_id: Annotated[str, Field(max_length=64)]
    role: GivenTenantRole


class ScimGroup(BaseModel):
    """A group of the directory, and what it gives its people."""

    id: str
    display_name: str
    platform_role: GivenPlatformRole | None
    tenants: list[GroupTenantRole]

    @classmethod
    def of(cls, row: ScimGroupRow, roles: list[ScimGroupRoleRow]) -> "ScimGroup":
        tenants = [{"tenant_id": each.tenant_id, "role": each.role} for each in roles]
        return cls.model_validate(
            {"id": row.id, "display_name": row.display_name, "platform_role": row.platform_role, "tenants": tenants}
        )


class ScimGroupList(BaseModel):
    """All of them."""

    data: list[ScimGroup]


class GroupRolesWrite(RequestBody):
    """All that the group is to give: what is left out goes."""

    platform_role: GivenPlatformRole | None = None
    tenants: Annotated[list[GroupTenantRole], Field(max_length=200)] = Field(default_factory=list)
