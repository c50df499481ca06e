"""`python -m admin_api ledger …`: what a person does with the ledger; called by `__main__` with what the environment says."""

import asyncio
from datetime import datetime

from admin_api.audit.actor import acting, system
from admin_api.audit.listener import AuditedSession
from admin_api.audit.service import note
from admin_api.catalog.pricing import all_versions
from admin_api.ledger.rebuild import Rebuilt, rebuild
from admin_api.ledger.rerate import Rerated, rerate
from admin_api.settings import LedgerSettings
from common.db.engine import create_engine, create_sessions
from common.logging import get_logger

_log = get_logger(__name__)


def run_rebuild(settings: LedgerSettings, *, start: datetime | None, end: datetime | None) -> Rebuilt:
    """Make the hourly sums again. Raises `DatabaseUnavailableError` and SQLAlchemy's errors."""
    done = asyncio.run(_rebuild(settings, start, end))
    _log.info("sums rebuilt", days=done.days, wrong_rows=done.wrong)
    return done


async def _rebuild(settings: LedgerSettings, start: datetime | None, end: datetime | None) -> Rebuilt:
    engine = create_engine(settings.database_url.get_secret_value(), name="admin-api-ledger", pool_size=1)
    sessions = create_sessions(engine, session_class=AuditedSession)
    try:
        done = await rebuild(sessions, start=start, end=end)
        with acting(system("ledger")):
            async with sessions.begin() as session:
                await note(
                    session,
                    "ledger.rebuilt",
                    resource_type="ledger",
                    resource_id="usage_hourly",
                    after={"start": start, "end": end, "days": done.days, "wrong_rows": done.wrong},
                )
        return done
    finally:
        await engine.dispose()


def run_rerate(
    settings: LedgerSettings, *, start: datetime, end: datetime, tenant_id: str | None, alias: str | None
) -> list[Rerated]:
    """Price calls again. Raises `DatabaseUnavailableError` and SQLAlchemy's errors."""
    return asyncio.run(_rerate(settings, start, end, tenant_id, alias))


async def _rerate(
    settings: LedgerSettings, start: datetime, end: datetime, tenant_id: str | None, alias: str | None
) -> list[Rerated]:
    engine = create_engine(settings.database_url.get_secret_value(), name="admin-api-ledger", pool_size=1)
    sessions = create_sessions(engine)
    try:
        return await rerate(
            sessions, await all_versions(sessions), start=start, end=end, tenant_id=tenant_id, alias=alias
        )
    finally:
        await engine.dispose()
