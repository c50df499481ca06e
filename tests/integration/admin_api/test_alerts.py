"""Who is told of what, over HTTP: policies, the mail server, tests and the history. Secrets are shown once, or never."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.servers.mail import MailServer
from tests.servers.webhooks import Reply, WebhookReceiver

from admin_api.api_keys.expiry import announce
from admin_api.dependencies import Services
from common.events.alerts import SMTP_PASSWORD_PURPOSE, webhook_secret_purpose
from common.events.envelope import Envelope
from common.events.keys import KeyExpiring
from devstack.ports import LOOPBACK

PASSWORD = "canary-of-the-mail-server"


@pytest.fixture
async def owner(admin: Any) -> AsyncIterator[Any]:
    """Whatever a test sets for everybody is gone after it."""
    owner = await admin.owner()
    yield owner
    assert (await owner.delete("/admin/alerts/policy")).status_code == 204
    assert (await owner.put("/admin/settings/alerts", json={"smtp": None})).status_code == 200


async def put(client: Any, path: str, **fields: Any) -> Any:
    reply = await client.put(path, json=fields)
    assert reply.status_code == 200, reply.text
    return reply.json()


def smtp(server: MailServer, **fields: Any) -> dict[str, Any]:
    return {
        "host": LOOPBACK,
        "port": server.port,
        "security": "none",
        "from_address": "gw@example.com",
        "timeout_seconds": 3,
        **fields,
    }


async def test_a_tenants_policy_replaces_the_default_and_gives_it_back(admin: Any, owner: Any) -> None:
    tenant = await admin.tenant()
    path = f"/admin/tenants/{tenant['id']}/alerts"
    assert (await owner.get(path)).json() == {
        "inherited": True, "enabled": True, "emails": [], "webhooks": [], "cooldown_seconds": 3600}  # fmt: skip
    policy = await put(owner, path, emails=["a@example.com", "a@example.com"], cooldown_seconds=60)
    assert (policy["inherited"], policy["emails"]) == (False, ["a@example.com"])
    record = await admin.record("alerts", tenant["id"])
    assert (record["emails"], record["cooldown_seconds"]) == (["a@example.com"], 60)
    assert (await owner.delete(path)).status_code == 204
    assert (await owner.get(path)).json()["inherited"] is True
    assert await admin.record("alerts", tenant["id"]) is None
    assert (await owner.get("/admin/tenants/tnt_x/alerts")).status_code == 404


async def test_a_webhooks_secret_is_shown_when_it_is_made_and_never_again(admin: Any, owner: Any) -> None:
    with WebhookReceiver() as receiver:
        policy = await put(owner, "/admin/alerts/policy", webhooks=[{"url": receiver.url}])
        (webhook,) = policy["webhooks"]
        assert webhook["secret"].startswith("whsec_")
        (shown,) = (await owner.get("/admin/alerts/policy")).json()["webhooks"]
        assert shown == webhook | {"secret": None}
        (record,) = (await admin.record("alerts", "default"))["webhooks"]
        assert webhook["secret"] not in record["secret"]
        assert admin.sealer.open(record["secret"], purpose=webhook_secret_purpose(webhook["id"])) == webhook["secret"]

        wanted = [{"id": webhook["id"], "url": receiver.url, "format": "slack"}, {"url": receiver.url + "/2"}]
        kept, made = (await put(owner, "/admin/alerts/policy", webhooks=wanted))["webhooks"]
        assert (kept["id"], kept["format"], kept["secret"]) == (webhook["id"], "slack", None)
        assert made["secret"] != webhook["secret"]
        assert (await admin.record("alerts", "default"))["webhooks"][0]["secret"] == record["secret"]
    entries = await admin.execute(
        "SELECT coalesce(before::text, '') || coalesce(after::text, '') FROM control.audit_entries"
    )
    assert not any(webhook["secret"] in row[0] or record["secret"] in row[0] for row in entries)
    reply = await owner.put("/admin/alerts/policy", json={"webhooks": [{"id": "whk_9", "url": receiver.url}]})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unknown_webhook")


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhooks": [{"url": "ftp://example.com/"}]},
        {"webhooks": [{"url": "http://user:pass@127.0.0.1/"}]},
        {"webhooks": [{"url": "http://127.0.0.1/a"}, {"url": "http://127.0.0.1/a"}]},
        {"emails": ["nobody"]},
        {"emails": [f"{n}@example.com" for n in range(21)]},
        {"cooldown_seconds": -1},
        {"cooldown": 1},
    ],
)
async def test_a_wrong_policy_changes_nothing(owner: Any, wrong: dict[str, Any]) -> None:
    assert (await owner.put("/admin/alerts/policy", json=wrong)).status_code == 400
    assert (await owner.get("/admin/alerts/policy")).json()["inherited"] is True


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "https://localhost/x", "https://169.254.169.254/x", "http://example.com/x"]
)
async def test_webhooks_lead_to_public_addresses_over_tls(start_admin: Any, nats_url: str, url: str) -> None:
    strict = await start_admin(nats_url=nats_url, allow_private_webhooks=False)
    await strict.in_force()
    reply = await (await strict.owner()).put("/admin/alerts/policy", json={"webhooks": [{"url": url}]})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "webhooks.0.url")


async def test_the_mail_servers_password_is_written_and_never_read(admin: Any, owner: Any) -> None:
    with MailServer() as server:
        wanted = smtp(server, username="gateway", password=PASSWORD)
        settings = await put(owner, "/admin/settings/alerts", smtp=wanted, max_retries=2)
        assert settings["smtp"]["password_set"] is True
        assert PASSWORD not in str(settings) + (await owner.get("/admin/settings/alerts")).text
        record = (await admin.record("alerts", "transport"))["smtp"]
        assert admin.sealer.open(record["password"], purpose=SMTP_PASSWORD_PURPOSE) == PASSWORD
        kept = smtp(server, username="gateway", from_address="other@example.com")
        assert (await put(owner, "/admin/settings/alerts", smtp=kept))["smtp"]["password_set"] is True
        stolen = kept | {"host": "mail.evil.example"}
        reply = await owner.put("/admin/settings/alerts", json={"smtp": stolen})
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "password_needed")
        gone = await put(owner, "/admin/settings/alerts", smtp=kept | {"password": None})
        assert gone["smtp"]["password_set"] is False
    rows = await admin.execute("SELECT coalesce(after::text, '') FROM control.audit_entries")
    assert not any(PASSWORD in row[0] or record["password"] in row[0] for row in rows)


async def test_a_test_mail_and_a_test_webhook_say_what_became_of_them(admin: Any, owner: Any) -> None:
    with MailServer() as server, WebhookReceiver() as receiver:
        await put(owner, "/admin/settings/alerts", smtp=smtp(server))
        alert = (await owner.post("/admin/settings/alerts/test-email", json={"to": "ops@example.com"})).json()
        assert (alert["kind"], alert["delivered"], server.recipients) == ("test", 1, ["ops@example.com"])
        server.troubles.append("550")
        alert = (await owner.post("/admin/settings/alerts/test-email", json={"to": "ops@example.com"})).json()
        assert alert["deliveries"][0]["attempts"][0]["error"] == "the mail server answered 550"

        policy = await put(owner, "/admin/alerts/policy", webhooks=[{"url": receiver.url}], emails=["ops@example.com"])
        receiver.replies.append(Reply(404))
        for body, error in (
            ({"webhook_id": policy["webhooks"][0]["id"]}, "it answered 404"),
            ({"webhook_id": policy["webhooks"][0]["id"]}, None),
            ({"email": "ops@example.com"}, None),
        ):
            reply = await owner.post("/admin/alerts/policy/test", json=body)
            assert reply.json()["deliveries"][0]["attempts"][0]["error"] == error
        stranger = await owner.post("/admin/alerts/policy/test", json={"email": "stranger@example.com"})
        assert stranger.status_code == 404
        assert (await owner.post("/admin/alerts/policy/test", json={})).status_code == 400
    (entry, *_) = (await owner.get("/admin/audit/entries", params={"action": "alert.tested"})).json()["data"]
    assert entry["after"]["email"] == "ops@example.com"


async def test_a_tenants_people_see_their_own_history(admin: Any, owner: Any) -> None:
    with WebhookReceiver() as receiver:
        mine, other = await admin.tenant(), await admin.tenant()
        for tenant in (mine, other):
            policy = await put(owner, f"/admin/tenants/{tenant['id']}/alerts", webhooks=[{"url": receiver.url}])
            test = {"webhook_id": policy["webhooks"][0]["id"]}
            reply = await owner.post(f"/admin/tenants/{tenant['id']}/alerts/test", json=test)
            assert reply.json()["tenant_id"] == tenant["id"]
        member = await admin.member(mine["id"], "admin")
        path = f"/user/tenants/{mine['id']}/alerts"
        (alert,) = (await member.get(f"{path}/history")).json()["data"]
        assert (alert["tenant_id"], alert["deliveries"]) == (mine["id"], None)
        assert (await member.get(f"{path}/history/{alert['id']}")).json()["deliveries"][0]["address"] == receiver.url
        foreign = (await owner.get(f"/admin/tenants/{other['id']}/alerts/history")).json()["data"][0]["id"]
        assert (await member.get(f"{path}/history/{foreign}")).status_code == 404
        assert (await member.post(f"{path}/history/{foreign}/redeliver")).status_code == 404
        assert (await member.post(f"{path}/history/{alert['id']}/redeliver")).status_code == 202
        async with asyncio.timeout(10):
            while len(receiver.received) < 3:
                await asyncio.sleep(0.02)
        assert (await member.put(path, json={"emails": ["me@example.com"]})).status_code == 200
        assert (await member.delete(path)).status_code == 204
        pages = (await owner.get("/admin/alerts", params={"limit": 1, "kind": "test"})).json()
        assert (len(pages["data"]), pages["has_more"]) == (1, True)
        viewer = await admin.member(mine["id"], "viewer")
        assert (await viewer.get(path)).status_code == 200
        assert (await viewer.put(path, json={})).status_code == 403


async def test_without_the_service_the_history_says_so_and_settings_go_on(start_admin: Any, nats_server: Any) -> None:
    alone = await start_admin(nats_url=nats_server.url)
    await alone.in_force()
    owner = await alone.owner()
    assert (await owner.get("/admin/alerts")).status_code == 503
    assert (await owner.put("/admin/alerts/policy", json={"emails": ["a@example.com"]})).status_code == 200


async def test_a_key_that_will_expire_is_announced_once_per_notice(admin: Any) -> None:
    services: Services = admin.app.state.services
    now = services.clock()
    tenant = await admin.tenant()
    name = f"soon {secrets.token_hex(4)}"
    key = await admin.key(tenant["id"], name=name, expires_at=(now + timedelta(days=5)).isoformat())
    await admin.key(tenant["id"], expires_at=(now + timedelta(days=30)).isoformat())

    async def told() -> list[KeyExpiring]:
        rows = await admin.execute("SELECT payload FROM control.outbox WHERE target = 'key.expiring.v1' ORDER BY id")
        facts = [msgspec.json.decode(row[0], type=Envelope[KeyExpiring]).data for row in rows]
        return [fact for fact in facts if fact.key_id == key["id"]]

    for _ in range(2):
        await announce(services.sessions, now=now)
    (fact,) = await told()
    assert (fact.days, fact.name, fact.tenant_name) == (7, name, tenant["name"])
    for _ in range(2):
        await announce(services.sessions, now=now + timedelta(days=4, hours=1))
    assert [fact.days for fact in await told()] == [7, 1]
    await announce(services.sessions, now=now + timedelta(days=6))
    assert len(await told()) == 2
