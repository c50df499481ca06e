"""The ledger's one use case: record a batch of calls."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from admin_api.ledger import budgets, repository, sums
from admin_api.ledger.budgets import Spending, Wanted
from admin_api.ledger.repository import Place
from common.clock import Clock, utc_now
from common.db.engine import Sessions
from common.events.usage import UsageEnvelope
from common.logging import get_logger

_ROWS_TIMEOUT_S: Final = 10.0

_log = get_logger(__name__)
_calls = Counter("omg_ledger_calls_total", "Usage events by what became of them.", ["outcome"])
_conflicts = Counter(
    "omg_ledger_conflicts_total", "Events that repeat a recorded call with another content; the recorded one stands."
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """`calls`: how many were new; `spending`: the budgets that all of them count for."""

    calls: int
    spending: Sequence[Spending]


async def record_usage(sessions: Sessions, envelopes: Sequence[UsageEnvelope], *, clock: Clock = utc_now) -> Recorded:
    """Enter the calls that the ledger does not hold yet, with what budgets have spent, in one transaction.

    A repeated call changes nothing. When its content differs from what is recorded, the first stands and a counter moves: an
    edge settles each call once, so this is somebody's mistake. Raises SQLAlchemy's errors; then nothing was entered, or, when
    the connection broke during the commit, everything may have been: both bear repetition.
    """
    if not envelopes:
        return Recorded(0, [])
    rows = repository.rows_of(envelopes)
    # Of a call that is twice in the batch the first is entered.
    calls = {repository.place_of(envelope): envelope for envelope in reversed(envelopes)}
    conflicting: list[str] = []
    now = clock()

    async def enter(session: AsyncSession, new: Collection[Place]) -> tuple[Sequence[Spending], Sequence[Wanted]]:
        await sums.add_up(session, (calls[place] for place in new))
        return await budgets.add_spending(session, list(calls.values()), new=new, now=now)

    try:
        async with sessions.begin() as session:
            await budgets.enter_together(session)
            await repository.copy(session, rows)
            new: Collection[Place] = calls.keys()
            spending, missing = await enter(session, new)
    except repository.RefusedError:
        async with sessions.begin() as session:
            await budgets.enter_together(session)
            new = await repository.insert(session, rows)
            if len(new) < len(envelopes):
                conflicting = await repository.conflicting_calls(session, rows)
            spending, missing = await enter(session, new)
    _calls.labels(outcome="recorded").inc(len(new))
    _calls.labels(outcome="repeated").inc(len(envelopes) - len(new))
    if conflicting:
        _conflicts.inc(len(conflicting))
        _log.error("calls repeated with another content", count=len(conflicting), calls=conflicting[:10])
    if missing:
        with suppress(TimeoutError):  # the calls are entered; the reconciler makes what is left
            async with asyncio.timeout(_ROWS_TIMEOUT_S):
                await budgets.make_rows(
                    sessions, missing, now=now, latest=max((now, *(call.time for call in envelopes)))
                )
    return Recorded(len(new), spending)
