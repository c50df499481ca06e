"""The service's side of the streams: events in, alerts noted, the sender woken."""

from collections.abc import Sequence
from typing import Final

from alerts import service
from alerts.destinations import Destinations
from alerts.domain import Alert
from alerts.facts import decode_event
from alerts.sender import DATABASE_ERRORS, Sender
from common.bus.connection import Bus
from common.bus.consumer import PullConsumer, TransientError
from common.clock import Clock
from common.db.engine import Sessions
from common.events import subjects

_STREAMS: Final = (
    (subjects.BUDGET_STREAM, subjects.BUDGET_SUBJECTS),
    (subjects.PROVIDER_STREAM, subjects.PROVIDER_SUBJECTS),
    (subjects.KEY_STREAM, subjects.KEY_SUBJECTS),
    (subjects.BATCH_STREAM, subjects.BATCH_SUBJECTS),
)


class AlertHandler:
    """The consumers' `handle`."""

    def __init__(self, *, sessions: Sessions, destinations: Destinations, sender: Sender, clock: Clock) -> None:
        self._sessions = sessions
        self._destinations = destinations
        self._sender = sender
        self._clock = clock

    async def __call__(self, alerts: Sequence[Alert]) -> None:
        """Raises `TransientError` when Postgres cannot be used."""
        await self._destinations.loaded.wait()
        try:
            deliveries = await service.raise_alerts(
                self._sessions, alerts, destinations=self._destinations, clock=self._clock
            )
        except DATABASE_ERRORS as error:
            raise TransientError(f"Postgres: {type(error).__name__}") from error
        if deliveries:
            self._sender.wake()


def consumers(bus: Bus, *, replicas: int, handle: AlertHandler) -> dict[str, PullConsumer[Alert]]:
    """One for each stream, by its name."""
    return {
        stream: PullConsumer(
            bus=bus,
            replicas=replicas,
            stream=stream,
            subject=subject,
            durable=subjects.ALERTS_CONSUMER,
            decode=decode_event,
            handle=handle,
        )
        for stream, subject in _STREAMS
    }
