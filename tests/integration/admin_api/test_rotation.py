"""An encryption key is replaced: everything that is sealed is sealed again, in force, and opens without the old key."""

import base64
import os
import subprocess
import sys
from typing import Any

import pytest
from tests.servers.webhooks import WebhookReceiver

from common.crypto.sealing import Sealer
from common.events.control import route_credential_purpose
from common.events.subjects import catalog_key
from devstack.servers.nats import NatsServer

OLD = "old:" + base64.b64encode(b"o" * 32).decode()
NEW = "new:" + base64.b64encode(b"n" * 32).decode()
ROUTE = {"provider": "openai-compatible", "model": "m", "base_url": "http://127.0.0.1:1/v1", "prices": {}}
CANARY = "canary-of-a-provider"


def rotate(admin: Any, keys: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "admin_api", "rotate-encryption"],
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": admin.database_url,
            "OMG_ENCRYPTION_KEYS": keys,
            "OMG_KEY_HASH_SECRET": "5c" * 32,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
async def gateway(start_admin: Any, nats_server: NatsServer) -> Any:
    admin = await start_admin(nats_url=nats_server.url, encryption_keys=OLD)
    await admin.in_force()
    owner = await admin.owner()
    for alias in ("a", "b"):
        reply = await owner.put(f"/admin/model-catalog/{alias}", json={"routes": [{**ROUTE, "credential": CANARY}]})
        assert reply.status_code in {200, 201}, reply.text
    with WebhookReceiver() as receiver:
        await owner.put("/admin/alerts/policy", json={"webhooks": [{"url": receiver.url}]})
    smtp = {"host": "mail.example.com", "username": "u", "password": CANARY, "from_address": "g@example.com"}
    await owner.put("/admin/settings/alerts", json={"smtp": smtp})
    return admin


async def test_everything_opens_with_the_new_key_alone(gateway: Any, eventually: Any) -> None:
    done = rotate(gateway, f"{NEW},{OLD}")
    assert done.returncode == 0, done.stderr
    assert "route credentials: 2 sealed again" in done.stdout
    assert "webhook secrets: 1 sealed again" in done.stdout
    assert "mail passwords: 1 sealed again" in done.stdout
    assert CANARY not in done.stdout + done.stderr
    only_new = Sealer.from_setting(NEW)

    async def is_in_force() -> bool:
        record = await gateway.record("catalog", catalog_key("a"))
        return bool(record["routes"][0]["credential"].startswith("v1.new."))

    await eventually(is_in_force)
    (route,) = (await gateway.record("catalog", catalog_key("a")))["routes"]
    assert only_new.open(route["credential"], purpose=route_credential_purpose(route["id"])) == CANARY
    left = await gateway.execute(
        "SELECT credential FROM control.routes WHERE credential LIKE 'v1.old.%'"
        " UNION ALL SELECT secret FROM control.alert_webhooks WHERE secret LIKE 'v1.old.%'"
        " UNION ALL SELECT smtp_password FROM control.alert_transports WHERE smtp_password LIKE 'v1.old.%'"
    )
    assert left == []
    again = rotate(gateway, NEW)
    assert (again.returncode, "route credentials: 0 sealed again" in again.stdout) == (0, True)
    entries = await gateway.execute("SELECT after::text FROM control.audit_entries WHERE action = 'encryption.rotated'")
    assert len(entries) == 2


async def test_what_does_not_open_is_left_and_told(gateway: Any) -> None:
    lost = rotate(gateway, NEW)
    assert lost.returncode == 1
    assert "do not open" in lost.stderr
    assert lost.stderr.count("route credentials: rte_") == 2
    rows = await gateway.execute("SELECT credential FROM control.routes")
    assert all(row[0].startswith("v1.old.") for row in rows)
