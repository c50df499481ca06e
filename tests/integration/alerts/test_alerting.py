"""From event to alert: once, to the right people, whatever is repeated, killed or away."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.alerts.conftest import ENCRYPTION_KEYS, Alerts, Eventually
from tests.servers.webhooks import Reply, WebhookReceiver

from alerts.migrations import FOLDER
from alerts.models import SCHEMA
from alerts.retention import forget_old
from common.db.engine import create_engine, create_sessions
from common.db.migrate import upgrade
from common.events.alerts import AlertView, Answer, ListAlerts, OneAlert, SendTest
from common.events.keys import KeyExpiring
from common.events.providers import RouteClosed, RouteOpened
from common.events.subjects import (
    ALERTS_LIST,
    ALERTS_READ,
    ALERTS_REDELIVER,
    ALERTS_TEST,
    KEY_EXPIRING,
    PROVIDER_ROUTE_CLOSED,
    PROVIDER_ROUTE_OPENED,
)
from common.ids import new_id
from devstack.ports import free_port
from devstack.servers.postgres import PostgresServer

pytestmark = pytest.mark.usefixtures("_soon")


async def test_an_event_is_told_once_however_often_it_comes(
    alerts: Alerts, hook: WebhookReceiver, eventually: Eventually
) -> None:
    await alerts.policy(hook)
    events = [new_id("evt") for _ in range(5)]
    for _ in range(4):
        for place, event in enumerate(reversed(events)):
            await alerts.cross(event_id=event, budget_id=f"bud_{event[-6:]}")
            if place % 2:
                await asyncio.sleep(0.01)
    await eventually(lambda: len(hook.received) >= 5)
    await asyncio.sleep(0.5)
    assert len(hook.received) == 5
    assert await alerts.alerts() == [("sent", None)] * 5


async def test_within_the_cooldown_only_what_is_worse(
    alerts: Alerts, hook: WebhookReceiver, eventually: Eventually
) -> None:
    await alerts.policy(hook)
    for level in (80, 80, 100, 80):
        await alerts.cross(level=level)

    async def are_decided() -> bool:
        return len(await alerts.alerts()) == 4

    await eventually(are_decided)
    assert await alerts.alerts() == [
        ("sent", None), ("suppressed", "cooldown"), ("sent", None), ("suppressed", "cooldown")]  # fmt: skip
    await alerts.cross(level=80, period_start="2026-12-01T00:00:00Z")  # another period is another matter
    await eventually(lambda: len(hook.received) == 3)


async def test_whose_people_are_told(alerts: Alerts, hook: WebhookReceiver, eventually: Eventually) -> None:
    """The tenant's own, where it has set some; else the installation's, who are also told of what is nobody's."""
    with WebhookReceiver() as tenants:
        await alerts.policy(hook)
        await alerts.policy(tenants, key="tnt_1")
        await alerts.cross(budget_id="bud_1", tenant_id="tnt_1")
        await alerts.cross(budget_id="bud_2", tenant_id="tnt_2")
        await alerts.cross(budget_id="bud_3", tenant_id=None, scope="installation")
        await eventually(lambda: (len(tenants.received), len(hook.received)) == (1, 2))
        await alerts.policy(key="tnt_1", enabled=False)
        await alerts.cross(budget_id="bud_4", tenant_id="tnt_1")

        async def is_disabled() -> bool:
            return (await alerts.alerts())[-1] == ("suppressed", "disabled")

        await eventually(is_disabled)
        await alerts.put("tnt_1", None)
        await alerts.cross(budget_id="bud_5", tenant_id="tnt_1")
        await eventually(lambda: len(hook.received) == 3)


async def test_providers_and_keys(alerts: Alerts, hook: WebhookReceiver, eventually: Eventually) -> None:
    """Several replicas tell of the same route; people hear that it is bad, and that it is good again."""
    await alerts.policy(hook)
    opened = RouteOpened(route_id="rte_1", provider="openai", alias="fast", reason="timeout", open_for_ms=1)
    closed = RouteClosed(route_id="rte_1", provider="openai", alias="fast", was_open_ms=9)
    for fact in (opened, opened, closed, closed):
        subject = PROVIDER_ROUTE_OPENED if isinstance(fact, RouteOpened) else PROVIDER_ROUTE_CLOSED
        await alerts.publish(subject, fact)
    await eventually(lambda: len(hook.received) == 2)
    key: dict[str, Any] = {"key_id": "key_1", "name": "ci", "hint": "h", "tenant_id": "tnt_1", "tenant_name": "T"}
    expires_at = alerts.clock()
    for days in (7, 1):
        await alerts.publish(KEY_EXPIRING, KeyExpiring(expires_at=expires_at, days=days, **key))
    await eventually(lambda: len(hook.received) == 4)
    kinds = sorted(msgspec.json.decode(each.body)["type"] for each in hook.received)
    assert kinds == ["key.expiring", "key.expiring", "provider.route_closed", "provider.route_opened"]


async def test_two_replicas_never_send_one_twice(idle: Alerts, hook: WebhookReceiver, eventually: Eventually) -> None:
    for _ in range(3):
        await idle.start()
    await idle.policy(hook)
    for number in range(60):
        await idle.cross(budget_id=f"bud_{number}")

    async def are_delivered() -> bool:
        return await idle.deliveries() == ["delivered"] * 60

    await eventually(are_delivered, within=30)
    assert len(hook.received) == len({each.headers["webhook-id"] for each in hook.received}) == 60


async def test_nothing_is_lost_while_nats_is_away(
    alerts: Alerts, hook: WebhookReceiver, eventually: Eventually
) -> None:
    """What comes before it dies and after it is back; deliveries that wait go out while it is away."""
    await alerts.policy(hook)
    hook.replies.append(Reply(500))
    await alerts.cross(budget_id="bud_1")
    await eventually(lambda: hook.received)
    alerts.nats.kill()
    await eventually(lambda: len(hook.received) == 2)
    alerts.nats.start()
    await alerts.bus.connected(timeout=10)
    await eventually(lambda: alerts.bus.is_connected)
    await alerts.cross(budget_id="bud_2")
    await eventually(lambda: len(hook.received) == 3, within=30)


async def test_nothing_is_lost_while_postgres_is_away(
    idle: Alerts, hook: WebhookReceiver, eventually: Eventually, tmp_path: Path
) -> None:
    """Events wait in the stream; a delivery that was on its way is noted, or made again."""
    with PostgresServer(tmp_path / "own-postgres", durable=False) as server:
        await asyncio.to_thread(upgrade, url=server.url, migrations=FOLDER, schemas=[SCHEMA])
        idle.database_url = server.url
        await idle.start()
        await idle.policy(hook)
        await idle.cross(budget_id="bud_1")
        await eventually(lambda: hook.received)
        server.kill()
        await idle.cross(budget_id="bud_2")
        await asyncio.sleep(1)
        assert len(hook.received) == 1
        server.start()

        async def are_delivered() -> bool:
            return await idle.deliveries() == ["delivered"] * 2

        await eventually(are_delivered, within=40)
        await idle.running.aclose()


async def test_a_process_that_is_killed_leaves_its_deliveries_to_the_next(
    idle: Alerts, hook: WebhookReceiver, eventually: Eventually, tmp_path: Path
) -> None:
    """Killed in the middle of an attempt, of which nobody knows whether it arrived: it is made again, under the same id."""
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": idle.database_url,
        "NATS_URL": idle.nats.url,
        "OMG_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "OMG_LISTEN_HOST": "127.0.0.1",
        "OMG_ALLOW_PRIVATE_WEBHOOKS": "true",
        "OMG_WEBHOOK_TIMEOUT": "1",
    }

    def start() -> subprocess.Popen[bytes]:
        port = {"OMG_LISTEN_PORT": str(free_port())}
        return subprocess.Popen([sys.executable, "-m", "alerts", "serve"], env=environment | port, cwd=tmp_path)

    await idle.policy(hook)
    hook.replies.append(Reply(after=0.9))
    await idle.cross()
    first = start()
    try:
        await eventually(lambda: hook.received, within=30)
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert await idle.attempts() == []
        second = start()
        try:

            async def is_delivered() -> bool:
                return await idle.deliveries() == ["delivered"]

            await eventually(is_delivered, within=40)
        finally:
            second.terminate()
            second.wait()
    finally:
        first.kill()
    assert len(hook.received) == 2
    assert len({each.headers["webhook-id"] for each in hook.received}) == 1


async def ask(alerts: Alerts, subject: str, question: Any, shape: Any) -> Any:
    reply = await alerts.bus.client.request(subject, msgspec.json.encode(question), timeout=20)
    return msgspec.json.decode(reply.data, type=Answer[shape])


async def test_the_history_and_sending_again(alerts: Alerts, hook: WebhookReceiver, eventually: Eventually) -> None:
    await alerts.policy(hook)
    await alerts.cross(budget_id="bud_1", tenant_id="tnt_1")
    await alerts.cross(budget_id="bud_2", tenant_id="tnt_2")

    async def are_delivered() -> bool:
        return await alerts.deliveries() == ["delivered"] * 2

    await eventually(are_delivered)
    found = (await ask(alerts, ALERTS_LIST, ListAlerts(limit=10), list[AlertView])).result
    assert [(each.tenant_id, each.delivered, each.deliveries) for each in found] == [
        ("tnt_2", 1, None),
        ("tnt_1", 1, None),
    ]
    own = (await ask(alerts, ALERTS_LIST, ListAlerts(limit=10, tenant_id="tnt_1"), list[AlertView])).result
    assert [each.id for each in own] == [found[1].id]
    older = (await ask(alerts, ALERTS_LIST, ListAlerts(limit=1, before=found[0].id), list[AlertView])).result
    assert [each.id for each in older] == [found[1].id]

    foreign = OneAlert(id=found[0].id, tenant_id="tnt_1")
    for subject in (ALERTS_READ, ALERTS_REDELIVER):
        assert (await ask(alerts, subject, foreign, AlertView)).error == "not_found"
    shown = (await ask(alerts, ALERTS_REDELIVER, OneAlert(id=own[0].id, tenant_id="tnt_1"), AlertView)).result
    assert shown.pending == 1
    await eventually(lambda: len(hook.received) == 3)
    await eventually(are_delivered)
    shown = (await ask(alerts, ALERTS_READ, OneAlert(id=own[0].id), AlertView)).result
    assert [each.error for each in shown.deliveries[0].attempts] == [None, None]
    assert (await ask(alerts, ALERTS_LIST, {"limit": 0}, list[AlertView])).error is not None


async def test_who_was_not_told_can_be_told_later(
    alerts: Alerts, hook: WebhookReceiver, eventually: Eventually
) -> None:
    await alerts.cross()

    async def is_suppressed() -> bool:
        return await alerts.alerts() == [("suppressed", "no_destination")]

    await eventually(is_suppressed)
    await alerts.policy(hook)
    (found,) = (await ask(alerts, ALERTS_LIST, ListAlerts(limit=10), list[AlertView])).result
    await ask(alerts, ALERTS_REDELIVER, OneAlert(id=found.id), AlertView)
    await eventually(lambda: hook.received)
    assert await alerts.alerts() == [("sent", None)]


async def test_trying_a_webhook_out_says_what_became_of_it(alerts: Alerts, hook: WebhookReceiver) -> None:
    await alerts.policy(hook)
    hook.replies.append(Reply(500))
    question = SendTest(policy="default", webhook_id=f"whk_{hook.port}")
    failed = (await ask(alerts, ALERTS_TEST, question, AlertView)).result
    assert (failed.kind, failed.failed, failed.deliveries[0].attempts[0].error) == ("test", 1, "it answered 500")
    worked = (await ask(alerts, ALERTS_TEST, question, AlertView)).result
    assert (worked.delivered, len(hook.received)) == (1, 2)
    assert (
        await ask(alerts, ALERTS_TEST, SendTest(policy="tnt_9", webhook_id="whk_1"), AlertView)
    ).error == "no_webhook"


async def test_what_is_old_is_forgotten(alerts: Alerts, hook: WebhookReceiver, eventually: Eventually) -> None:
    await alerts.policy(hook)
    await alerts.cross()

    async def is_delivered() -> bool:
        return await alerts.deliveries() == ["delivered"]

    await eventually(is_delivered)
    engine = create_engine(alerts.database_url, name="test")
    try:
        sessions = create_sessions(engine)
        assert await forget_old(sessions, clock=alerts.clock, days=1) == 0
        alerts.clock.ahead += timedelta(days=2)
        assert await forget_old(sessions, clock=alerts.clock, days=1) == 1
    finally:
        await engine.dispose()
    assert (await alerts.deliveries(), await alerts.attempts()) == ([], [])
