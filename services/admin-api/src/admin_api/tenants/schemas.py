"""Shapes of tenants in requests and replies."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from admin_api.catalog.schemas import Alias
from admin_api.fields import NO_CONTROL_CHARACTERS, Name, RequestBody, Tags, Timezone, absent
from admin_api.paging import Page
from admin_api.tenants.domain import MAX_MODELS
from admin_api.tenants.models import TenantRow

Status = Literal["active", "suspended", "archived"]
Kind = Literal["organization", "personal"]


def _without_repetition(models: list[str]) -> list[str]:
    return list(dict.fromkeys(models))


Contact = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=NO_CONTROL_CHARACTERS)]
Models = Annotated[list[Alias], Field(max_length=MAX_MODELS), AfterValidator(_without_repetition)]


class Tenant(BaseModel):
    """`models` are the aliases the tenant may use: null means every one, an empty list means none.

    Its budgets' days begin in `timezone`. `contact` is whom to ask about it, in any words. Archived, it is out of force and out
    of its people's sight, and can be made active again; a deleted one, until `purge_after`. With
    `follows_default_models`, those of the settings count instead of `models`.
    """

    id: str
    name: str
    status: Status
    models: list[str] | None
    timezone: str
    kind: Kind
    contact: str
    tags: dict[str, str]
    follows_default_models: bool
    created_at: datetime
    archived_at: datetime | None
    purge_after: datetime | None

    @classmethod
    def of(cls, row: TenantRow) -> "Tenant":
        return cls.model_validate(row, from_attributes=True)


class TenantPage(Page[Tenant]):
    """Tenants, newest first."""


class TenantCreate(RequestBody):
    """A tenant to be."""

    name: Name
    models: Models | None = None
    timezone: Timezone = Field(default_factory=lambda: "UTC")
    contact: Contact = Field(default_factory=str)
    tags: Tags = Field(default_factory=dict)


class TenantUpdate(RequestBody):
    """What is left out stays as it is. A tenant that follows the default models stops to when it gets `models` of its own."""

    name: Name = absent()
    status: Status = absent()
    models: Models | None = None
    timezone: Timezone = absent()
    contact: Contact = absent()
    tags: Tags = absent()
    follows_default_models: bool = absent()
