"""The invariants that the tables keep themselves, whatever the code does."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from alerts.migrations import FOLDER
from alerts.models import SCHEMA, AlertRow, DeliveryRow

pytestmark = pytest.mark.data_layer

MigratedEngine = Callable[..., Awaitable[AsyncEngine]]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def an_alert(**fields: Any) -> AlertRow:
    return AlertRow(
        **{
            "id": "alr_1",
            "event_id": "evt_1",
            "kind": "key.expiring",
            "subject": "key:1",
            "tenant_id": None,
            "severity": "warning",
            "level": 1,
            "title": "t",
            "facts": {},
            "link": "/",
            "occurred_at": NOON,
            "created_at": NOON,
            "status": "sent",
            "why": None,
            **fields,
        }
    )


def a_delivery(**fields: Any) -> DeliveryRow:
    return DeliveryRow(
        **{
            "id": "dlv_1",
            "alert_id": "alr_1",
            "channel": "email",
            "address": "owner@example.com",
            "status": "pending",
            "attempts": 0,
            "next_attempt_at": NOON,
            "created_at": NOON,
            **fields,
        }
    )


@pytest.fixture
async def engine(migrated_engine: MigratedEngine, keep: Any) -> AsyncEngine:
    engine = await migrated_engine(migrations=FOLDER, schemas=[SCHEMA])
    await keep(engine, an_alert())
    return engine


async def test_an_event_is_one_alert(engine: AsyncEngine, keep: Any) -> None:
    with pytest.raises(IntegrityError, match="alerts_event_id_key"):
        await keep(engine, an_alert(id="alr_2"))


async def test_an_alert_reaches_each_address_once(engine: AsyncEngine, keep: Any) -> None:
    await keep(engine, a_delivery())
    await keep(engine, a_delivery(id="dlv_2", address="second@example.com"))
    with pytest.raises(IntegrityError, match="deliveries_alert_id_channel_address_key"):
        await keep(engine, a_delivery(id="dlv_3"))
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM alerts.alerts"))
        assert await connection.scalar(text("SELECT count(*) FROM alerts.deliveries")) == 0


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"channel": "pigeon"}, "deliveries_channel_check"),
        ({"channel": "webhook"}, "deliveries_webhook_check"),
        ({"status": "sent", "next_attempt_at": None}, "deliveries_status_check"),
        ({"attempts": -1}, "deliveries_attempts_check"),
        ({"next_attempt_at": None}, "deliveries_next_attempt_at_check"),
        ({"status": "delivered", "next_attempt_at": None}, "deliveries_delivered_at_check"),
        ({"alert_id": "alr_9"}, "deliveries_alert_id_fkey"),
    ],
)
async def test_an_impossible_delivery_is_refused(
    engine: AsyncEngine, keep: Any, fields: dict[str, Any], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        await keep(engine, a_delivery(**fields))


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"severity": "bad"}, "alerts_severity_check"),
        ({"status": "suppressed"}, "alerts_why_check"),
        ({"why": "cooldown"}, "alerts_why_check"),
    ],
)
async def test_an_impossible_alert_is_refused(
    engine: AsyncEngine, keep: Any, fields: dict[str, Any], constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        await keep(engine, an_alert(id="alr_2", event_id="evt_2", **fields))
