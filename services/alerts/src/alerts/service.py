"""Use cases: an alert is raised, shown, delivered again, tried out."""

from collections.abc import Sequence
from datetime import datetime

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncSession

from alerts import repository
from alerts.destinations import Destination, Destinations
from alerts.domain import Alert, why_not
from alerts.models import AlertRow, DeliveryRow
from common.clock import Clock
from common.db.engine import Sessions
from common.events.alerts import AlertView, AttemptView, DeliveryView, ListAlerts
from common.ids import new_id

ALERT_PREFIX = "alr"
_raised = Counter("omg_alerts_total", "Alerts by kind, and whether people were told.", ["kind", "status"])


async def raise_alerts(sessions: Sessions, alerts: Sequence[Alert], *, destinations: Destinations, clock: Clock) -> int:
    """Decide about each and note whom to tell, in a transaction of its own; how many deliveries there are to make.

    An event that was seen before changes nothing.
    """
    deliveries = 0
    for alert in alerts:
        async with sessions.begin() as session:
            deliveries += await _raise(session, alert, destinations, clock())
    return deliveries


async def _raise(session: AsyncSession, alert: Alert, destinations: Destinations, now: datetime) -> int:
    await repository.hold_subject(session, alert.subject)
    policy = destinations.policy_of(alert.tenant_id)
    why = why_not(alert, policy, await repository.last_told(session, alert.subject), now=now)
    alert_id, status = new_id(ALERT_PREFIX), "sent" if why is None else "suppressed"
    if not await repository.add_alert(session, alert, alert_id=alert_id, status=status, why=why, now=now):
        return 0
    _raised.labels(kind=alert.kind, status=status).inc()
    if why is not None:
        return 0
    wanted = destinations.of(policy)
    session.add_all(_delivery(alert_id, each, now) for each in wanted)
    return len(wanted)


async def raise_test(
    session: AsyncSession, destination: Destination, *, tenant_id: str | None, now: datetime
) -> AlertRow:
    """An alert for one address, which is tried once. Its delivery is due at once."""
    alert = Alert(
        event_id=new_id("tst"),
        kind="test",
        subject="test",
        tenant_id=tenant_id,
        severity="info",
        level=0,
        title="This is a test: alerts of the gateway arrive here",
        facts={"test": True},
        link="/",
        occurred_at=now,
    )
    alert_id = new_id(ALERT_PREFIX)
    await repository.add_alert(session, alert, alert_id=alert_id, status="sent", why=None, now=now)
    session.add(_delivery(alert_id, destination, now, most_attempts=1))
    await session.flush()
    (row,) = (await repository.alerts_by_id(session, [alert_id])).values()
    return row


async def redeliver(session: AsyncSession, row: AlertRow, *, destinations: Destinations, now: datetime) -> None:
    """Send it again to everybody it went to; one that nobody was told of goes to whom it would go now."""
    deliveries = await repository.deliveries_of(session, row.id)
    for each in deliveries:
        each.status, each.attempts, each.next_attempt_at, each.delivered_at = "pending", 0, now, None
        each.leased_until = None
    if not deliveries:
        wanted = destinations.of(destinations.policy_of(row.tenant_id))
        session.add_all(_delivery(row.id, each, now) for each in wanted)
        if wanted:
            row.status, row.why = "sent", None


async def list_alerts(session: AsyncSession, asked: ListAlerts) -> list[AlertView]:
    rows = await repository.newest(
        session, limit=asked.limit, before=asked.before, tenant_id=asked.tenant_id, kind=asked.kind, status=asked.status
    )
    counts = await repository.counts(session, [row.id for row in rows])
    return [_view(row, {status: counts.get((row.id, status), 0) for status in _STATUSES}, None) for row in rows]


async def show_alert(session: AsyncSession, row: AlertRow) -> AlertView:
    """With its deliveries and all their attempts."""
    deliveries = await repository.deliveries_of(session, row.id)
    attempts = await repository.attempts_of(session, [each.id for each in deliveries])
    views = [
        DeliveryView(
            id=each.id,
            channel=each.channel,  # type: ignore[arg-type]
            address=each.address,
            status=each.status,  # type: ignore[arg-type]
            attempts=[
                AttemptView(at=one.at, duration_ms=one.duration_ms, status_code=one.status_code, error=one.error)
                for one in attempts
                if one.delivery_id == each.id
            ],
            next_attempt_at=each.next_attempt_at,
            delivered_at=each.delivered_at,
        )
        for each in deliveries
    ]
    return _view(row, {status: sum(each.status == status for each in deliveries) for status in _STATUSES}, views)


_STATUSES = ("pending", "delivered", "failed")


def _delivery(
    alert_id: str, destination: Destination, now: datetime, *, most_attempts: int | None = None
) -> DeliveryRow:
    return DeliveryRow(
        id=new_id("dlv"),
        alert_id=alert_id,
        channel=destination.channel,
        address=destination.address,
        webhook=destination.webhook,
        status="pending",
        attempts=0,
        most_attempts=most_attempts,
        next_attempt_at=now,
        leased_until=None,
        created_at=now,
        delivered_at=None,
    )


def _view(row: AlertRow, counts: dict[str, int], deliveries: list[DeliveryView] | None) -> AlertView:
    return AlertView(
        id=row.id,
        kind=row.kind,
        tenant_id=row.tenant_id,
        severity=row.severity,  # type: ignore[arg-type]
        level=row.level,
        title=row.title,
        facts=row.facts,
        occurred_at=row.occurred_at,
        created_at=row.created_at,
        status=row.status,  # type: ignore[arg-type]
        why=row.why,  # type: ignore[arg-type]
        pending=counts["pending"],
        delivered=counts["delivered"],
        failed=counts["failed"],
        deliveries=deliveries,
    )
