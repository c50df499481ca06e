"""Use cases of tenants. A tenant's policy (state and allow-list) is a configuration record of the edge."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.budgets import repository as budgets
from admin_api.budgets.defaults import follow_default
from admin_api.configuration import records
from admin_api.configuration.propagation import Propagation
from admin_api.errors import NameTakenError
from admin_api.ledger.budgets import forget
from admin_api.paging import Slice, decode_cursor, encode_cursor
from admin_api.tenants import repository
from admin_api.tenants.domain import TENANT_PREFIX
from admin_api.tenants.models import TenantRow
from common.clock import Clock
from common.db.constraints import violated_constraint
from common.db.engine import Sessions
from common.events.subjects import BUDGETS_BUCKET, POLICIES_BUCKET
from common.http.errors import NotFoundError
from common.ids import is_id, new_id

_MISSING: Final = "There is no such tenant."


async def list_tenants(sessions: Sessions, *, limit: int, cursor: str | None) -> Slice[TenantRow]:
    """Newest first. Raises `InvalidCursorError`."""
    before = decode_cursor(cursor)[0] if cursor is not None else None
    async with sessions.begin() as session:
        rows = await repository.newest(session, limit=limit + 1, before=before)
    return Slice.of(rows, limit, lambda row: encode_cursor(row.id))


async def read_tenant(sessions: Sessions, tenant_id: str) -> TenantRow:
    """Raises `NotFoundError`."""
    async with sessions.begin() as session:
        return await existing(session, tenant_id)


async def existing(session: AsyncSession, tenant_id: str) -> TenantRow:
    """The row of a tenant. Raises `NotFoundError`, for ids that name nothing and for what is no id."""
    row = await repository.find(session, checked(tenant_id))
    if row is None or row.status == "deleted":
        raise NotFoundError(_MISSING)
    return row


def checked(tenant_id: str) -> str:
    """The same id when it is one. Raises `NotFoundError`: what is no id names no tenant."""
    if not is_id(tenant_id, TENANT_PREFIX):
        raise NotFoundError(_MISSING)
    return tenant_id


async def create_tenant(
    sessions: Sessions,
    *,
    clock: Clock,
    propagation: Propagation,
    name: str,
    models: list[str] | None,
    timezone: str,
    contact: str,
    tags: dict[str, str],
) -> TenantRow:
    """Raises `NameTakenError`, or `NotInForceError` when the edge cannot be told."""
    propagation.check()
    try:
        async with sessions.begin() as session:
            row, ids = await insert(
                session, name=name, models=models, now=clock(), timezone=timezone, contact=contact, tags=tags
            )
    except IntegrityError as error:
        raise _taken(error, name) from error
    await propagation.wait(ids)
    return row


async def insert(
    session: AsyncSession,
    *,
    name: str,
    models: list[str] | None,
    now: datetime,
    timezone: str = "UTC",
    contact: str = "",
    tags: dict[str, str] | None = None,
    personal_of: str | None = None,
) -> tuple[TenantRow, list[int]]:
    """A new tenant in the caller's transaction, and the outbox rows that tell the edge."""
    row = TenantRow(
        id=new_id(TENANT_PREFIX),
        name=name,
        status="active",
        models=models,
        created_at=now,
        timezone=timezone,
        limits=None,
        kind="organization" if personal_of is None else "personal",
        contact=contact,
        tags=tags or {},
        archived_at=None,
        personal_of=personal_of,
        purge_after=None,
        follows_default_models=personal_of is not None,
    )
    session.add(row)
    ids = await records.emit(session, POLICIES_BUCKET, row.id)
    return row, ids + await follow_default(session, [row.id], now=now)


async def update_tenant(
    sessions: Sessions, tenant_id: str, *, clock: Clock, propagation: Propagation, changes: Mapping[str, Any]
) -> TenantRow:
    """Set the fields in `changes`. Raises `NotFoundError`, `NameTakenError`, or `NotInForceError`."""
    propagation.check()
    try:
        async with sessions.begin() as session:
            await records.hold(session, POLICIES_BUCKET, checked(tenant_id))
            row = await existing(session, tenant_id)
            ids = await change(session, row, changes, now=clock())
    except IntegrityError as error:
        raise _taken(error, str(changes.get("name"))) from error
    await propagation.wait(ids)
    return row


async def change(session: AsyncSession, row: TenantRow, changes: Mapping[str, Any], *, now: datetime) -> list[int]:
    """Set the fields in `changes` in the caller's transaction, which holds the record; the outbox rows that tell the edge."""
    for field, value in changes.items():
        setattr(row, field, value)
    if "models" in changes and "follows_default_models" not in changes:
        row.follows_default_models = False
    if row.status != "archived":
        row.archived_at = row.purge_after = None
    elif row.archived_at is None:
        row.archived_at = now
    ids = await records.emit(session, POLICIES_BUCKET, row.id)
    if "timezone" in changes:
        ids += await _move_budgets(session, row.id)
    return ids


async def _move_budgets(session: AsyncSession, tenant_id: str) -> list[int]:
    """The tenant's budgets begin their days by its time zone."""
    budget_ids = await budgets.ids_of_tenant(session, tenant_id)
    await records.hold(session, BUDGETS_BUCKET, *budget_ids)
    await forget(session, budget_ids)
    return await records.emit(session, BUDGETS_BUCKET, *budget_ids)


def _taken(error: IntegrityError, name: str) -> Exception:
    if violated_constraint(error) == "tenants_name_key":
        return NameTakenError(f"There is already a tenant named {name}.", param="name")
    return error
