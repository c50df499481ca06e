"""The invariants that the table of deliveries keeps itself, whatever the code does."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from alerts.migrations import FOLDER
from alerts.models import SCHEMA, Delivery

pytestmark = pytest.mark.data_layer

MigratedEngine = Callable[..., Awaitable[AsyncEngine]]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_delivery(**fields: Any) -> Delivery:
    return Delivery(
        **{
            "id": "dlv_1",
            "event_id": "evt_1",
            "event_type": "budget.threshold_crossed.v1",
            "channel": "email",
            "address": "owner@example.com",
            "status": "pending",
            "attempts": 0,
            "created_at": NOON,
        }
        | fields
    )


@pytest.mark.parametrize(
    "other", [{"event_id": "evt_2"}, {"channel": "webhook"}, {"address": "second@example.com"}], ids=str
)
async def test_one_event_reaches_each_address_once(
    migrated_engine: MigratedEngine, keep: Any, other: dict[str, str]
) -> None:
    engine = await migrated_engine(migrations=FOLDER, schemas=[SCHEMA])
    await keep(engine, a_delivery())

    await keep(engine, a_delivery(id="dlv_2", **other))
    with pytest.raises(IntegrityError, match="deliveries_event_id_channel_address_key"):
        await keep(engine, a_delivery(id="dlv_3"))

    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM alerts.deliveries")) == 2


async def test_a_sound_delivery_is_kept_as_it_is(migrated_engine: MigratedEngine, keep: Any) -> None:
    engine = await migrated_engine(migrations=FOLDER, schemas=[SCHEMA])

    await keep(engine, a_delivery(status="delivered", delivered_at=NOON, attempts=2, tenant_id="tnt_1"))

    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT * FROM alerts.deliveries"))).mappings().one()
    assert (row["status"], row["delivered_at"], row["attempts"], row["tenant_id"]) == ("delivered", NOON, 2, "tnt_1")


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"channel": "pigeon"}, "deliveries_channel_check"),
        ({"status": "sent"}, "deliveries_status_check"),
        ({"attempts": -1}, "deliveries_attempts_check"),
        ({"status": "delivered"}, "deliveries_delivered_at_check"),
        ({"status": "failed", "delivered_at": NOON}, "deliveries_delivered_at_check"),
        ({"address": None}, "address"),
    ],
)
async def test_an_impossible_delivery_is_refused(
    migrated_engine: MigratedEngine, keep: Any, fields: dict[str, Any], constraint: str
) -> None:
    engine = await migrated_engine(migrations=FOLDER, schemas=[SCHEMA])

    with pytest.raises(IntegrityError, match=constraint):
        await keep(engine, a_delivery(**fields))
