"""Saying in time that a key will stop working: `key.expiring.v1`, once per key, moment and notice.

A key whose expiry is moved is announced anew. One that is made with less time than a notice gets the nearest notice only.
Failure policy: Postgres away: a minute later; NATS away: the outbox keeps it.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.api_keys.models import ApiKeyRow, KeyNoticeRow
from admin_api.audit.actor import acting, system
from admin_api.database import outbox
from admin_api.tenants.models import TenantRow
from common.clock import Clock
from common.db.engine import Sessions
from common.db.errors import DatabaseUnavailableError
from common.events.envelope import Envelope
from common.events.keys import NOTICE_DAYS, KeyExpiring
from common.events.subjects import KEY_EXPIRING
from common.ids import new_id
from common.logging import get_logger
from common.outbox.table import Entry, Kind

_LOOK_S: Final = 60.0
_AT_ONCE: Final = 200
_SOURCE: Final = "admin-api"
_log = get_logger(__name__)


class ExpiryNotices:
    """`run` in the background. Several replicas may: who writes the notice down tells."""

    def __init__(self, *, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                with acting(system("expiry-notices")):
                    while await announce(self._sessions, now=self._clock()) == _AT_ONCE:
                        pass
            except DatabaseUnavailableError as error:
                _log.warning("expiring keys are looked for again later", reason=repr(error))
            await asyncio.sleep(_LOOK_S)


async def announce(sessions: Sessions, *, now: datetime) -> int:
    """Say it of some keys; of how many."""
    async with sessions.begin() as session:
        found = await _unannounced(session, now)
        for row in found:
            days = _notice(row.expires_at, now)
            noted = {"key_id": row.id, "expires_at": row.expires_at, "days": days, "told_at": now}
            statement = insert(KeyNoticeRow.__table__).values(**noted).on_conflict_do_nothing()  # type: ignore[arg-type]
            if (await session.execute(statement.returning(KeyNoticeRow.key_id))).first() is not None:
                await outbox.add(session, _entry(row, days, now))
    return len(found)


async def _unannounced(session: AsyncSession, now: datetime) -> list[Any]:
    """Keys within a notice that was not given, nor a nearer one, for the moment at which they expire."""
    columns = ApiKeyRow.id, ApiKeyRow.name, ApiKeyRow.hint, ApiKeyRow.tenant_id, ApiKeyRow.expires_at
    found: list[Any] = []
    for days in sorted(NOTICE_DAYS):
        told = exists().where(
            KeyNoticeRow.key_id == ApiKeyRow.id,
            KeyNoticeRow.expires_at == ApiKeyRow.expires_at,
            KeyNoticeRow.days <= days,
        )
        statement = (
            select(*columns, TenantRow.name.label("tenant_name"))
            .join(TenantRow, TenantRow.id == ApiKeyRow.tenant_id)
            .where(
                ApiKeyRow.revoked_at.is_(None),
                ApiKeyRow.expires_at > now,
                ApiKeyRow.expires_at <= now + timedelta(days=days),
                ~told,
            )
            .order_by(ApiKeyRow.id)
            .limit(_AT_ONCE)
        )
        seen = {row.id for row in found}
        found += [row for row in await session.execute(statement) if row.id not in seen]
    return found[:_AT_ONCE]


def _notice(expires_at: datetime, now: datetime) -> int:
    return min(days for days in NOTICE_DAYS if expires_at <= now + timedelta(days=days))


def _entry(row: Any, days: int, now: datetime) -> Entry:
    fact = Envelope(
        id=new_id("evt"),
        type=KEY_EXPIRING,
        source=_SOURCE,
        time=now,
        data=KeyExpiring(
            key_id=row.id,
            name=row.name,
            hint=row.hint,
            tenant_id=row.tenant_id,
            tenant_name=row.tenant_name,
            expires_at=row.expires_at,
            days=days,
        ),
    )
    return Entry(Kind.PUBLISH, KEY_EXPIRING, fact.id, msgspec.json.encode(fact))
