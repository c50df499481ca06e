"""What the ledger's worker tells Redis after a commit: so much is spent, these calls are in it."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec

from common.limits.keys import budget_keys
from common.limits.scripts import CONFIRM, LOWER

_CALLS_AT_ONCE: Final = 2000


class ScriptRunner(Protocol):
    """redis-py's client, as far as it is needed here."""

    def register_script(self, script: str) -> Any: ...


class Confirmed(msgspec.Struct, frozen=True):
    """Nano-USD. `spent` contains calls that have ended and that the ledger does not have yet."""

    spent: int
    reserved: int


async def confirm(
    redis: ScriptRunner, *, budget_id: str, period: str, spent_absolute: int, call_ids: Sequence[str], now: int = 0
) -> Confirmed:
    """`spent_absolute`: all that the ledger has of this period, these calls included. To be called after the commit.

    May be repeated, and may overtake another: a smaller sum than is there changes nothing. If it is not called at all, calls that
    have ended count until their entries expire, and the edges bring the sum along with `known`: too much, never too little.

    Raises what the client raises; it is not tried again here.
    """
    script = redis.register_script(CONFIRM.text)
    reply: Sequence[bytes] = ()
    # The sum goes first with all of them: between two steps calls are counted twice rather than not at all.
    for start in range(0, max(len(call_ids), 1), _CALLS_AT_ONCE):
        some = call_ids[start : start + _CALLS_AT_ONCE]
        reply = await script(keys=budget_keys(budget_id, period), args=[now, spent_absolute, *some])
    spent, reserved = reply
    return Confirmed(spent=int(spent), reserved=int(reserved))


async def lower(redis: ScriptRunner, *, budget_id: str, period: str, seen: int, spent_absolute: int) -> bool:
    """Put right a sum that is above the ledger's, which `confirm` never lowers: the budget's periods are others now, or the ledger
    was restored. Whether that was done; not if the sum is not `seen` any more. Raises what the client raises.
    """
    script = redis.register_script(LOWER.text)
    return bool(await script(keys=budget_keys(budget_id, period), args=[seen, spent_absolute]))
