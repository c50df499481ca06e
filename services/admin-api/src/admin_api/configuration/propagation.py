"""Answering only once a change is in force: NATS has accepted the record, and every edge replica is being told.

Failure policy: NATS away: refused before anything is written (503 `not_in_force`). NATS lost in between: what was committed
stays and takes effect when NATS is back, unless the use case takes it back; the message of the 503 says which.
`omg_changes_not_in_force_total` counts both.
"""

from collections.abc import Sequence
from typing import Final

from prometheus_client import Counter

from admin_api.errors import NotInForceError
from common.bus.connection import Bus
from common.db.errors import DatabaseUnavailableError
from common.outbox.relay import NotFlushedError, Relay

_PATIENCE_S: Final = 5.0
_PATIENCE_WHEN_AWAY_S: Final = 1.0  # enough for a connection that is just being made again
SAVED: Final = (
    "The change is saved and takes effect as soon as the message bus is back, but the gateway could not be told yet."
)

_not_in_force = Counter("omg_changes_not_in_force_total", "Changes that could not be put in force at once.", ["moment"])


class Propagation:
    """Knows whether changes can reach the edge, and waits until one has."""

    def __init__(self, *, bus: Bus, relay: Relay) -> None:
        self._bus = bus
        self._relay = relay

    def check(self) -> None:
        """Raise `NotInForceError` when a change made now could not reach the edge."""
        if not self._bus.is_connected:
            _not_in_force.labels(moment="before").inc()
            raise NotInForceError(
                "The message bus cannot be reached, so the gateway could not be told. Nothing was changed."
            )

    async def wait(self, ids: Sequence[int]) -> None:
        """Return once the committed outbox rows `ids` are accepted. Raises `NotInForceError` when that takes too long."""
        try:
            await self._relay.flushed(ids, timeout=_PATIENCE_S if self._bus.is_connected else _PATIENCE_WHEN_AWAY_S)
        except (NotFlushedError, DatabaseUnavailableError):
            _not_in_force.labels(moment="after").inc()
            raise NotInForceError(SAVED) from None
