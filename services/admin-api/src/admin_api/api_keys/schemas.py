"""Shapes of API keys in requests and replies. The secret is in one reply only: that of the creation."""

from datetime import datetime

from pydantic import BaseModel

from admin_api.api_keys.domain import KeyStatus, status_of
from admin_api.api_keys.models import ApiKeyRow
from admin_api.fields import Moment, Name, RequestBody
from admin_api.paging import Page


class ApiKey(BaseModel):
    """A key as it may be displayed: `hint` is its beginning and its end."""

    id: str
    tenant_id: str
    tenant_name: str
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    status: KeyStatus

    @classmethod
    def of(cls, row: ApiKeyRow, tenant_name: str, *, now: datetime) -> "ApiKey":
        return cls(
            id=row.id,
            tenant_id=row.tenant_id,
            tenant_name=tenant_name,
            name=row.name,
            hint=row.hint,
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            status=status_of(revoked_at=row.revoked_at, expires_at=row.expires_at, now=now),
        )


class ApiKeyPage(Page[ApiKey]):
    """API keys, newest first."""


class ApiKeyCreate(RequestBody):
    """A key to be; without `expires_at` it is valid until it is revoked."""

    name: Name
    expires_at: Moment | None = None


class ApiKeyCreated(ApiKey):
    """A new key, with the secret that is shown this once."""

    secret: str
