"""The ledger's one use case: record a batch of calls."""

from collections.abc import Sequence

from prometheus_client import Counter

from admin_api.ledger import repository
from common.db.engine import Sessions
from common.events.usage import UsageEnvelope
from common.logging import get_logger

_log = get_logger(__name__)
_calls = Counter("omg_ledger_calls_total", "Usage events by what became of them.", ["outcome"])
_conflicts = Counter(
    "omg_ledger_conflicts_total", "Events that repeat a recorded call with another content; the recorded one stands."
)


async def record_usage(sessions: Sessions, envelopes: Sequence[UsageEnvelope]) -> int:
    """Enter the calls that the ledger does not hold yet, in one transaction; returns how many those were.

    A repeated call changes nothing. When its content differs from what is recorded, the first stands and a counter moves: an
    edge settles each call once, so this is somebody's mistake. Raises SQLAlchemy's errors; then nothing was entered, or, when
    the connection broke during the commit, everything may have been: both bear repetition.
    """
    if not envelopes:
        return 0
    rows = repository.rows_of(envelopes)
    conflicting: list[str] = []
    async with sessions.begin() as session:
        recorded = await repository.record(session, rows)
        if recorded < len(envelopes):
            conflicting = await repository.conflicting_calls(session, rows)
    _calls.labels(outcome="recorded").inc(recorded)
    _calls.labels(outcome="repeated").inc(len(envelopes) - recorded)
    if conflicting:
        _conflicts.inc(len(conflicting))
        _log.error("calls repeated with another content", count=len(conflicting), calls=conflicting[:10])
    return recorded
