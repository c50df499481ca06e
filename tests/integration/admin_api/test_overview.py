"""The overview: it shows what answers, says what does not, and never fails with what it shows."""

from typing import Any

import msgspec
import pytest

from common.clock import utc_now
from common.events import subjects
from common.events.status import EdgeStatus
from devstack.servers.nats import NatsServer

STATUS = EdgeStatus(
    replica="edge-proxy-0",
    version="0.1.0",
    started_at=utc_now(),
    configured=True,
    usage_pending=3,
    journal_bytes=4096,
    routes={"rte_1": "open"},
)


async def test_replicas_that_answer_are_shown_and_others_are_not_waited_for(admin: Any, eventually: Any) -> None:
    async with admin.nats() as client:

        async def answer(message: Any) -> None:
            await message.respond(b"not a status")
            await message.respond(msgspec.json.encode(STATUS))

        await client.subscribe(subjects.EDGE_STATUS, cb=answer)
        await client.flush()
        health = (await (await admin.owner()).get("/admin/health")).json()

    (edge,) = health["edges"]
    assert (edge["replica"], edge["usage_pending"], edge["routes"]) == ("edge-proxy-0", 3, {"rte_1": "open"})
    assert health["checks"] == {"postgres": "ok", "nats": "ok", "redis": "ok"}

    async def everything_is_told() -> bool:
        return bool((await (await admin.owner()).get("/admin/health")).json()["outbox_waiting"] == 0)

    await eventually(everything_is_told)


async def test_without_any_replica_it_is_degraded(admin: Any) -> None:
    health = (await (await admin.owner()).get("/admin/health")).json()

    assert (health["status"], health["edges"]) == ("degraded", [])


@pytest.mark.parametrize("lost", ["nats", "redis"])
async def test_what_is_away_is_said_and_nothing_fails(
    start_admin: Any, nats_url: str, tmp_path: Any, eventually: Any, lost: str
) -> None:
    if lost == "redis":
        admin = await start_admin(nats_url=nats_url, redis_url="redis://127.0.0.1:1")
    else:
        with NatsServer(tmp_path / "nats", sync_interval="1m") as server:
            admin = await start_admin(nats_url=server.url)
            await admin.in_force()
    owner = await admin.owner()

    async def is_noticed() -> bool:
        health = (await owner.get("/admin/health")).json()
        return bool(health["status"] == "degraded" and health["checks"][lost] != "ok")

    await eventually(is_noticed)
