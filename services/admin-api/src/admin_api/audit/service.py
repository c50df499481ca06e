"""Use cases of the audit log: writing down what is not the change of a row, and reading."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.audit import repository
from admin_api.audit.domain import AUDIT_PREFIX, plain
from admin_api.audit.listener import add_entry
from admin_api.audit.models import AuditEntryRow
from admin_api.audit.repository import Filters
from admin_api.paging import Slice, decode_cursor, encode_cursor
from common.db.engine import Sessions
from common.http.errors import NotFoundError
from common.ids import is_id


async def note(
    session: AsyncSession,
    action: str,
    *,
    resource_type: str,
    resource_id: str,
    tenant_id: str | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """An entry in the caller's transaction for what is not the change of a row: a login, the use of a secret, a rebuild."""
    details = None if after is None else {key: plain(value) for key, value in after.items()}
    await session.run_sync(
        add_entry, action, resource_type=resource_type, resource_id=resource_id, tenant_id=tenant_id, after=details
    )


async def list_entries(sessions: Sessions, filters: Filters, *, limit: int, cursor: str | None) -> Slice[AuditEntryRow]:
    """Newest first. Raises `InvalidCursorError`."""
    before = decode_cursor(cursor)[0] if cursor is not None else None
    async with sessions.begin() as session:
        rows = await repository.newest(session, filters, limit=limit + 1, before=before)
    return Slice.of(rows, limit, lambda row: encode_cursor(row.id))


async def read_entry(sessions: Sessions, entry_id: str) -> AuditEntryRow:
    """Raises `NotFoundError`."""
    async with sessions.begin() as session:
        row = await session.get(AuditEntryRow, entry_id) if is_id(entry_id, AUDIT_PREFIX) else None
    if row is None:
        raise NotFoundError("There is no such entry.")
    return row
