"""Every query on alerts, deliveries and attempts."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alerts.domain import Alert, Told
from alerts.models import AlertRow, AttemptRow, DeliveryRow

_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:subject, 0))")


async def hold_subject(session: AsyncSession, subject: str) -> None:
    """Keep other replicas from deciding about the same subject until the transaction ends."""
    await session.execute(_HOLD, {"subject": f"alerts/{subject}"})


async def add_alert(
    session: AsyncSession, alert: Alert, *, alert_id: str, status: str, why: str | None, now: datetime
) -> bool:
    """Whether it is new: an event that was seen before changes nothing."""
    statement = (
        insert(AlertRow)
        .values(
            id=alert_id,
            event_id=alert.event_id,
            kind=alert.kind,
            subject=alert.subject,
            tenant_id=alert.tenant_id,
            severity=alert.severity,
            level=alert.level,
            title=alert.title,
            facts=dict(alert.facts),
            link=alert.link,
            occurred_at=alert.occurred_at,
            created_at=now,
            status=status,
            why=why,
        )
        .on_conflict_do_nothing(index_elements=[AlertRow.event_id])
        .returning(AlertRow.id)
    )
    return await session.scalar(statement) is not None


async def last_told(session: AsyncSession, subject: str) -> Told | None:
    statement = (
        select(AlertRow.level, AlertRow.created_at)
        .where(AlertRow.subject == subject, AlertRow.status == "sent")
        .order_by(AlertRow.id.desc())
        .limit(1)
    )
    row = (await session.execute(statement)).first()
    return None if row is None else Told(row.level, row.created_at)


async def claim(session: AsyncSession, *, limit: int, now: datetime, lease: timedelta) -> Sequence[DeliveryRow]:
    """Deliveries that are due, for this caller alone until the lease ends; each counts as an attempt."""
    due = (
        select(DeliveryRow.id)
        .where(
            DeliveryRow.status == "pending",
            DeliveryRow.next_attempt_at <= now,
            (DeliveryRow.leased_until.is_(None)) | (DeliveryRow.leased_until <= now),
        )
        .order_by(DeliveryRow.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(due))
        .values(leased_until=now + lease, attempts=DeliveryRow.attempts + 1)
        .returning(DeliveryRow)
    )
    return (await session.scalars(statement, execution_options={"synchronize_session": False})).all()


async def alerts_by_id(session: AsyncSession, ids: Sequence[str]) -> dict[str, AlertRow]:
    return {row.id: row for row in await session.scalars(select(AlertRow).where(AlertRow.id.in_(ids)))}


async def find_alert(session: AsyncSession, alert_id: str, *, tenant_id: str | None) -> AlertRow | None:
    statement = select(AlertRow).where(AlertRow.id == alert_id)
    if tenant_id is not None:
        statement = statement.where(AlertRow.tenant_id == tenant_id)
    return (await session.scalars(statement)).first()


async def newest(
    session: AsyncSession,
    *,
    limit: int,
    before: str | None,
    tenant_id: str | None,
    kind: str | None,
    status: str | None,
) -> Sequence[AlertRow]:
    statement = select(AlertRow).order_by(AlertRow.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(AlertRow.id < before)
    for column, value in ((AlertRow.tenant_id, tenant_id), (AlertRow.kind, kind), (AlertRow.status, status)):
        if value is not None:
            statement = statement.where(column == value)
    return (await session.scalars(statement)).all()


async def counts(session: AsyncSession, alert_ids: Sequence[str]) -> Mapping[tuple[str, str], int]:
    """How many deliveries there are, by alert and status."""
    statement = (
        select(DeliveryRow.alert_id, DeliveryRow.status, func.count())
        .where(DeliveryRow.alert_id.in_(alert_ids))
        .group_by(DeliveryRow.alert_id, DeliveryRow.status)
    )
    return {(row[0], row[1]): row[2] for row in await session.execute(statement)}


async def deliveries_of(session: AsyncSession, alert_id: str) -> Sequence[DeliveryRow]:
    statement = select(DeliveryRow).where(DeliveryRow.alert_id == alert_id).order_by(DeliveryRow.id)
    return (await session.scalars(statement)).all()


async def attempts_of(session: AsyncSession, delivery_ids: Sequence[str]) -> Sequence[AttemptRow]:
    statement = select(AttemptRow).where(AttemptRow.delivery_id.in_(delivery_ids)).order_by(AttemptRow.id)
    return (await session.scalars(statement)).all()


async def end_attempt(session: AsyncSession, delivery: DeliveryRow, attempt: AttemptRow, **fields: Any) -> None:
    """Keep the attempt and what it means, unless the lease was lost: then another replica is at it, and says."""
    session.add(attempt)
    await session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id == delivery.id, DeliveryRow.leased_until == delivery.leased_until)
        .values(leased_until=None, **fields)
    )


async def forget_before(session: AsyncSession, moment: datetime, *, limit: int) -> int:
    """Remove old alerts, with what belongs to them; how many."""
    old = select(AlertRow.id).where(AlertRow.created_at < moment).order_by(AlertRow.id).limit(limit)
    result: Any = await session.execute(delete(AlertRow).where(AlertRow.id.in_(old)))
    return int(result.rowcount)
