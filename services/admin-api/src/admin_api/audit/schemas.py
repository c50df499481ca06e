"""Shapes of the audit log in replies."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from admin_api.audit.models import AuditEntryRow
from admin_api.paging import Page


class AuditEntry(BaseModel):
    """One thing that was done. `before` and `after` are the fields that changed; all of them, of what was made or removed."""

    id: str
    occurred_at: datetime
    actor_kind: str
    actor_id: str
    action: str
    resource_type: str
    resource_id: str
    tenant_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    address: str | None
    request_id: str | None

    @classmethod
    def of(cls, row: AuditEntryRow) -> "AuditEntry":
        return cls.model_validate(row, from_attributes=True)


class AuditPage(Page[AuditEntry]):
    """Entries, newest first."""
