"""The audit log over HTTP: pages of it, one entry, and all of it as JSON lines."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from admin_api.audit import repository, service
from admin_api.audit.repository import Filters
from admin_api.audit.schemas import AuditEntry, AuditPage
from admin_api.dependencies import Wired, require
from admin_api.fields import NO_CONTROL_CHARACTERS, Moment
from admin_api.paging import DEFAULT_LIMIT, Cursor, Limit
from common.db.engine import Sessions

router = APIRouter(prefix="/admin/audit", tags=["audit"])

_Text = Annotated[str | None, Query(max_length=200, pattern=NO_CONTROL_CHARACTERS)]


async def _filters(
    actor_id: _Text = None,
    action: _Text = None,
    resource_type: _Text = None,
    resource_id: _Text = None,
    tenant_id: _Text = None,
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
) -> Filters:
    return Filters(
        actor_id=actor_id,
        action=action,
        resource_type=resource_type,
        resource_id=resource_id,
        tenant_id=tenant_id,
        since=since,
        until=until,
    )


FiltersGiven = Annotated[Filters, Depends(_filters)]


@router.get("/entries", dependencies=[require("audit:read")])
async def list_audit_entries(
    services: Wired, filters: FiltersGiven, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> AuditPage:
    """What was done, newest first."""
    found = await service.list_entries(services.sessions, filters, limit=limit, cursor=cursor)
    return AuditPage.of(found, AuditEntry.of)


@router.get("/entries/{entry_id}", dependencies=[require("audit:read")])
async def read_audit_entry(services: Wired, entry_id: str) -> AuditEntry:
    """One entry."""
    return AuditEntry.of(await service.read_entry(services.sessions, entry_id))


@router.get(
    "/export",
    dependencies=[require("audit:read")],
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/jsonl": {"schema": {"type": "string"}}}, "description": "One entry a line."}
    },
)
async def export_audit_entries(services: Wired, filters: FiltersGiven) -> StreamingResponse:
    """Everything that was done, oldest first, as JSON lines."""
    return StreamingResponse(
        _lines(services.sessions, filters),
        media_type="application/jsonl",
        headers={"content-disposition": 'attachment; filename="audit.jsonl"'},
    )


async def _lines(sessions: Sessions, filters: Filters) -> AsyncIterator[str]:
    async with sessions.begin() as session:
        async for row in repository.each(session, filters):
            yield AuditEntry.of(row).model_dump_json() + "\n"
