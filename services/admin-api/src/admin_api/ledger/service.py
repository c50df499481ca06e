"""The ledger's one use case: record a batch of calls."""

from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import Counter

from admin_api.ledger import budgets, crossings, repository
from common.db.engine import Sessions
from common.events.usage import UsageEnvelope
from common.logging import get_logger

_log = get_logger(__name__)
_calls = Counter("omg_ledger_calls_total", "Usage events by what became of them.", ["outcome"])
_conflicts = Counter(
    "omg_ledger_conflicts_total", "Events that repeat a recorded call with another content; the recorded one stands."
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """`calls`: how many were new; `spending`: what they added to budgets."""

    calls: int
    spending: Sequence[budgets.Spending]


async def record_usage(sessions: Sessions, envelopes: Sequence[UsageEnvelope]) -> Recorded:
    """Enter the calls that the ledger does not hold yet, with what budgets have spent, in one transaction.

    A repeated call changes nothing. When its content differs from what is recorded, the first stands and a counter moves: an
    edge settles each call once, so this is somebody's mistake. Raises SQLAlchemy's errors; then nothing was entered, or, when
    the connection broke during the commit, everything may have been: both bear repetition.
    """
    if not envelopes:
        return Recorded(0, [])
    rows = repository.rows_of(envelopes)
    while True:
        try:
            recorded, spending, conflicting = await _enter(sessions, envelopes, rows)
            break
        except budgets.MissingPeriodsError as error:
            await budgets.ensure_periods(sessions, error.missing)
    _calls.labels(outcome="recorded").inc(recorded)
    _calls.labels(outcome="repeated").inc(len(envelopes) - recorded)
    if conflicting:
        _conflicts.inc(len(conflicting))
        _log.error("calls repeated with another content", count=len(conflicting), calls=conflicting[:10])
    return Recorded(recorded, spending)


async def _enter(
    sessions: Sessions, envelopes: Sequence[UsageEnvelope], rows: repository.Rows
) -> tuple[int, list[budgets.Spending], list[str]]:
    """How many were new, what they added to budgets, and which were known with another content."""
    conflicting: list[str] = []
    async with sessions.begin() as session:
        await budgets.enter_together(session)
        inserted = await repository.record(session, rows)
        if len(inserted) < len(envelopes):
            conflicting = await repository.conflicting_calls(session, rows)
        # Of a call that is twice in the batch the first was entered.
        calls = {repository.place_of(envelope): envelope for envelope in reversed(envelopes)}
        spending = await budgets.add_spending(session, [calls[place] for place in sorted(inserted)])
        await crossings.record_crossings(session, spending)
    return len(inserted), spending, conflicting
