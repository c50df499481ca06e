"""Alerts are kept for a time, then they go, with their deliveries and attempts."""

import asyncio
from datetime import timedelta
from typing import Final

from alerts import repository
from alerts.sender import DATABASE_ERRORS
from common.clock import Clock
from common.db.engine import Sessions
from common.logging import get_logger

_LOOK_S: Final = 3600.0
_AT_ONCE: Final = 1000

_log = get_logger(__name__)


async def keep_retention(sessions: Sessions, *, clock: Clock, days: int) -> None:
    """Until cancelled. Postgres away: an hour later."""
    while True:
        try:
            while await forget_old(sessions, clock=clock, days=days) == _AT_ONCE:
                pass
        except DATABASE_ERRORS as error:
            _log.warning("old alerts are looked at again later", reason=repr(error))
        await asyncio.sleep(_LOOK_S)


async def forget_old(sessions: Sessions, *, clock: Clock, days: int) -> int:
    """How many went, some at a time."""
    async with sessions.begin() as session:
        return await repository.forget_before(session, clock() - timedelta(days=days), limit=_AT_ONCE)
