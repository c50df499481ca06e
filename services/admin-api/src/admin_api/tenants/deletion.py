"""Deleting tenants. A deleted tenant is archived at once, and can be brought back until its time of retention is over; then it is
purged: its people, keys and budgets go, and what is left is its id, under which the ledger still has what it spent.

Failure policy: Postgres or NATS away: tried again until both are there; a tenant is purged in one transaction, or not yet.
"""

import asyncio
from datetime import timedelta
from typing import Final

from prometheus_client import Counter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.alerts.service import delete_in as delete_alert_policy
from admin_api.api_keys.service import revoke_all_of
from admin_api.audit.actor import acting, system
from admin_api.budgets.service import delete_all_of
from admin_api.configuration import records
from admin_api.configuration.propagation import Propagation
from admin_api.invitations.models import InvitationRow
from admin_api.memberships.models import MembershipRow
from admin_api.runtime_settings.repository import tenant_settings
from admin_api.tenants import repository
from admin_api.tenants.models import TenantRow
from admin_api.tenants.service import checked, existing
from common.clock import Clock
from common.db.engine import Sessions
from common.db.errors import DatabaseUnavailableError
from common.events.subjects import POLICIES_BUCKET
from common.logging import get_logger

_LOOK_S: Final = 60.0

_log = get_logger(__name__)
_purged = Counter("omg_tenants_purged_total", "Deleted tenants whose time of retention was over.")


async def delete_tenant(sessions: Sessions, tenant_id: str, *, clock: Clock, propagation: Propagation) -> TenantRow:
    """The tenant, archived, with the moment from which it cannot be brought back. Raises `NotFoundError` or `NotInForceError`."""
    propagation.check()
    async with sessions.begin() as session:
        await records.hold(session, POLICIES_BUCKET, checked(tenant_id))
        row, now = await existing(session, tenant_id), clock()
        row.status, row.archived_at = "archived", row.archived_at or now
        row.purge_after = now + timedelta(days=(await tenant_settings(session)).retention_days)
        ids = await records.emit(session, POLICIES_BUCKET, tenant_id)
    await propagation.wait(ids)
    return row


class Purger:
    """`run` in the background. Several replicas may: each tenant is one transaction, which holds its record."""

    def __init__(self, *, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                with acting(system("retention")):
                    await purge_due(self._sessions, clock=self._clock)
            except DatabaseUnavailableError as error:
                _log.warning("deleted tenants are looked at again later", reason=repr(error))
            await asyncio.sleep(_LOOK_S)


async def purge_due(sessions: Sessions, *, clock: Clock) -> int:
    """Purge what is due; how many tenants that were. The edge is told through the outbox."""
    async with sessions.begin() as session:
        due = await repository.due_for_purge(session, clock())
    count = 0
    for tenant_id in due:
        async with sessions.begin() as session:
            await records.hold(session, POLICIES_BUCKET, tenant_id)
            row = await repository.find(session, tenant_id)
            if row is not None and row.purge_after is not None and row.purge_after <= clock():
                await _purge(session, row, clock)
                count += 1
    if count:
        _purged.inc(count)
        _log.info("deleted tenants purged", tenants=count)
    return count


async def _purge(session: AsyncSession, row: TenantRow, clock: Clock) -> None:
    await revoke_all_of(session, row.id, clock=clock)
    await delete_all_of(session, row.id)
    await delete_alert_policy(session, row.id)
    for table in (MembershipRow, InvitationRow):
        for each in (await session.execute(select(table).where(table.tenant_id == row.id))).scalars():
            await session.delete(each)
    row.name, row.contact, row.tags, row.models, row.limits = f"Deleted {row.id}", "", {}, [], None
    row.kind, row.personal_of, row.follows_default_models = "organization", None, False
    row.status, row.purge_after = "deleted", None
    await records.emit(session, POLICIES_BUCKET, row.id)
