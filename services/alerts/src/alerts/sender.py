"""The task that delivers: it takes what is due, one attempt each, and notes what became of it.

A delivery is leased to one replica for as long as an attempt can take, so two never send one at the same time; a replica that is
killed between sending and noting it leaves one that is sent again when the lease has run out (at least once; the id stays the
same). No connection to Postgres is held while something is sent.

Failure policy: Postgres away: nothing is sent, since it could not be noted; tried again until it is back. A destination away: the
next attempt is later each time, with jitter, up to the settings' number; then the delivery has failed, until somebody asks for it
again (`omg_alerts_attempts_total`, `omg_alerts_deliveries_failed_total`).
"""

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import msgspec
from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError

from alerts import repository
from alerts.destinations import Destinations
from alerts.mailer import Mailer
from alerts.messages import body, mail
from alerts.models import AlertRow, AttemptRow, DeliveryRow
from alerts.outcome import Outcome
from alerts.webhooks import WebhookCaller
from common.clock import Clock
from common.db.engine import Sessions
from common.events.alerts import Webhook
from common.ids import new_id
from common.logging import get_logger

_AT_ONCE: Final = 16
_POLL_S: Final = 1.0
_FIRST_PAUSE_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 3600.0
_LEASE_MARGIN_S: Final = 5.0
DATABASE_ERRORS: Final = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)

_log = get_logger(__name__)
_attempts = Counter("omg_alerts_attempts_total", "Tries to deliver, by what became of them.", ["channel", "result"])
_failed = Counter("omg_alerts_deliveries_failed_total", "Deliveries given up.", ["channel"])


class Sender:
    """`run` in the background; `wake` when there is something new."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        destinations: Destinations,
        mailer: Mailer,
        webhooks: WebhookCaller,
        clock: Clock,
        portal_url: str | None,
    ) -> None:
        self._sessions = sessions
        self._destinations = destinations
        self._mailer = mailer
        self._webhooks = webhooks
        self._clock = clock
        self._portal_url = portal_url
        self._news = asyncio.Event()

    def wake(self) -> None:
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        await self._destinations.loaded.wait()
        while True:
            self._news.clear()
            try:
                while await self.send_due():
                    pass
            except* DATABASE_ERRORS as errors:
                _log.warning("deliveries wait", reason=repr(errors.exceptions[0]))
            try:
                async with asyncio.timeout(_POLL_S):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def send_due(self) -> int:
        """One attempt of each delivery that is due, some at a time; how many."""
        async with self._sessions.begin() as session:
            deliveries = await repository.claim(session, limit=_AT_ONCE, now=self._clock(), lease=self._lease())
            alerts = await repository.alerts_by_id(session, [each.alert_id for each in deliveries])
        await self._send_all(deliveries, alerts)
        return len(deliveries)

    async def _send_all(self, deliveries: Sequence[DeliveryRow], alerts: dict[str, AlertRow]) -> None:
        async with asyncio.TaskGroup() as group:
            for each in deliveries:
                group.create_task(self._send(each, alerts[each.alert_id]))

    async def _send(self, delivery: DeliveryRow, alert: AlertRow) -> None:
        began, at = time.monotonic(), self._clock()
        outcome = await self._attempt(delivery, alert)
        attempt = AttemptRow(
            id=new_id("att"),
            delivery_id=delivery.id,
            at=at,
            duration_ms=int((time.monotonic() - began) * 1000),
            status_code=outcome.status_code,
            error=outcome.error,
        )
        _attempts.labels(channel=delivery.channel, result="delivered" if outcome.error is None else "failed").inc()
        after = self._after(delivery, outcome)
        async with self._sessions.begin() as session:
            await repository.end_attempt(session, delivery, attempt, **after)
        if after["status"] == "failed":
            _failed.labels(channel=delivery.channel).inc()
        _log.info(
            "delivery attempted",
            alert=alert.id,
            delivery=delivery.id,
            channel=delivery.channel,
            attempt=delivery.attempts,
            status=after["status"],
            error=outcome.error,
        )

    async def _attempt(self, delivery: DeliveryRow, alert: AlertRow) -> Outcome:
        link = None if self._portal_url is None else self._portal_url.rstrip("/") + alert.link
        if delivery.webhook is None:
            smtp, password = self._destinations.smtp
            sender = "" if smtp is None else smtp.from_address
            message = mail(alert, delivery_id=delivery.id, sender=sender, to=delivery.address, link=link)
            return await self._mailer.send(message, smtp=smtp, password=password)
        webhook = msgspec.convert(delivery.webhook, Webhook)
        timeout = self._destinations.transport.webhook_timeout_seconds
        content = body(alert, form=webhook.format, link=link)
        return await self._webhooks.call(webhook, content, delivery_id=delivery.id, timeout=timeout)

    def _after(self, delivery: DeliveryRow, outcome: Outcome) -> dict[str, object]:
        """What the delivery is after this attempt."""
        now = self._clock()
        if outcome.error is None:
            return {"status": "delivered", "delivered_at": now, "next_attempt_at": None}
        most = delivery.most_attempts or self._destinations.transport.max_retries + 1
        if outcome.final or delivery.attempts >= most:
            return {"status": "failed", "next_attempt_at": None}
        return {"status": "pending", "next_attempt_at": _next(now, delivery.attempts, outcome.retry_after)}

    def _lease(self) -> timedelta:
        """Longer than any attempt takes."""
        smtp, _ = self._destinations.smtp
        mail_s = 0.0 if smtp is None else smtp.timeout_seconds
        # A webhook may take its time twice: to find the address, and to answer.
        webhook_s = 2 * self._destinations.transport.webhook_timeout_seconds
        return timedelta(seconds=max(mail_s, webhook_s) + _LEASE_MARGIN_S)


def _next(now: datetime, attempts: int, retry_after: float | None) -> datetime:
    """Twice as long each time, give or take a third, and not before the other side wants it."""
    pause = min(_FIRST_PAUSE_S * 2 ** (attempts - 1), _LONGEST_PAUSE_S) * random.uniform(0.67, 1.33)  # noqa: S311 - spreads load
    return now + timedelta(seconds=max(pause, retry_after or 0))
