"""How each owner's process lives: what it answers, when it is ready, and how it ends."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from devstack.servers import NatsServer, PostgresServer

NOWHERE = "nats://127.0.0.1:9"


@pytest.fixture
def own_postgres(tmp_path: Path) -> PostgresServer:
    """A server of the test's own, not started yet: these tests take it away."""
    return PostgresServer(tmp_path / "postgres", durable=False)


async def test_readiness_follows_postgres(owner: Any, start_service: Any, own_postgres: PostgresServer) -> None:
    service = start_service(owner.package, database_url=own_postgres.url, nats_url=NOWHERE)
    await service.until("/healthz", 200)
    never_there = await service.until("/readyz", 503)
    try:
        own_postgres.start()
        await service.until("/readyz", 200)
        own_postgres.kill()
        gone = await service.until("/readyz", 503)
        assert (await service.client.get("/healthz")).status_code == 200
        own_postgres.start()
        back = await service.until("/readyz", 200)
    finally:
        own_postgres.stop()

    for answer in (never_there, gone):
        assert answer.json()["ready"] is False
        assert answer.json()["checks"]["postgres"] != "ok"
        assert str(own_postgres.port) not in answer.text
    assert back.json()["checks"]["postgres"] == "ok"


async def test_nats_is_reported_and_not_required(
    owner: Any, start_service: Any, postgres_url: str, nats_server: NatsServer
) -> None:
    service = start_service(owner.package, database_url=postgres_url, nats_url=nats_server.url)
    while (await service.until("/readyz", 200)).json()["checks"]["nats"] != "ok":
        assert service.process.exit_code is None

    nats_server.kill()
    while (answer := await service.until("/readyz", 200)).json()["checks"]["nats"] == "ok":
        assert service.process.exit_code is None

    assert answer.json() == {"ready": True, "checks": {"nats": "BusUnavailableError", "postgres": "ok"}}
    nats_server.start()
    while (await service.until("/readyz", 200)).json()["checks"]["nats"] != "ok":
        assert service.process.exit_code is None


async def test_what_it_does_not_serve_gets_the_error_object(owner: Any, start_service: Any, postgres_url: str) -> None:
    service = start_service(owner.package, database_url=postgres_url, nats_url=NOWHERE)
    await service.until("/healthz", 200)

    unknown = [await service.client.get(path) for path in ("/", "/v1/files", "/v1/batches", "/docs", "/openapi.json")]
    wrong_method = await service.client.post("/healthz", content=b"{")
    too_large = await service.client.post("/v1/files", content=bytes(2 * 1024 * 1024))

    assert {answer.status_code for answer in unknown} == {404}
    assert {answer.json()["error"]["code"] for answer in unknown} == {"not_found"}
    assert wrong_method.status_code == 405
    assert wrong_method.json()["error"]["type"] == "invalid_request_error"
    assert too_large.status_code == 413
    assert too_large.json()["error"]["code"] == "request_too_large"


async def test_its_metrics_are_prometheus_text(owner: Any, start_service: Any, postgres_url: str) -> None:
    service = start_service(owner.package, database_url=postgres_url, nats_url=NOWHERE)

    metrics = await service.until("/metrics", 200)

    assert metrics.headers["content-type"].startswith("text/plain")
    assert "omg_nats_connected 0.0" in metrics.text.splitlines()


async def test_its_metrics_can_be_switched_off(owner: Any, start_service: Any, postgres_url: str) -> None:
    service = start_service(owner.package, database_url=postgres_url, nats_url=NOWHERE, OMG_ENABLE_METRICS="false")
    assert (await service.until("/metrics", 404)).json()["error"]["code"] == "not_found"
    await service.until("/healthz", 200)


async def test_sigterm_ends_it_in_good_order(
    owner: Any, start_service: Any, postgres_url: str, nats_server: NatsServer
) -> None:
    service = start_service(owner.package, database_url=postgres_url, nats_url=nats_server.url)
    await service.until("/readyz", 200)

    asked = time.monotonic()
    service.process.send(signal.SIGTERM)

    assert service.process.wait(8), "it did not end"
    assert time.monotonic() - asked < 8
    assert service.process.exit_code in {0, -signal.SIGTERM}
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert {line["service"] for line in lines} == {owner.package.replace("_", "-")}
    assert not [line for line in lines if line["level"] in {"error", "critical"}]
    assert any(line["event"] == "Application shutdown complete." for line in lines)
