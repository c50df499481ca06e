"""What must stay secret is told once, and is then in no table, no record, no event and no log of ours in readable form."""

import json
import secrets
from typing import Any

import httpx
import pytest
from nats.js.errors import NotFoundError
from tests.servers.mail import MailServer
from tests.servers.webhooks import WebhookReceiver

from devstack.ports import LOOPBACK

CREDENTIAL = "canary-provider-credential"
MAIL_PASSWORD = "canary-mail-password"
NEW_PASSWORD = "canary of a password, long enough"


async def told(admin: Any) -> dict[str, str]:
    """Everything that somebody is told once, or tells us once."""
    owner, tenant = await admin.owner(), await admin.tenant()
    route = {"provider": "openai-compatible", "model": "m", "base_url": "http://127.0.0.1:1/v1", "prices": {}}
    await owner.put("/admin/model-catalog/canary", json={"routes": [{**route, "credential": CREDENTIAL}]})
    with MailServer() as mail, WebhookReceiver() as receiver:
        smtp = {"host": LOOPBACK, "port": mail.port, "security": "none", "from_address": "g@example.com"}
        smtp |= {"username": "g", "password": MAIL_PASSWORD}
        assert (await owner.put("/admin/settings/alerts", json={"smtp": smtp})).status_code == 200
        policy = await owner.put("/admin/alerts/policy", json={"webhooks": [{"url": receiver.url}]})
        webhook = policy.json()["webhooks"][0]
        await owner.post("/admin/alerts/policy/test", json={"webhook_id": webhook["id"]})
    key = await admin.key(tenant["id"])
    rotated = await owner.post(f"/admin/tenants/{tenant['id']}/api-keys/{key['id']}/rotate", json={"grace_seconds": 60})
    invitation = await owner.post(
        f"/admin/tenants/{tenant['id']}/invitations", json={"email": "canary@example.com", "role": "viewer"}
    )
    link = invitation.json()["path"].rpartition("#")[2]
    joined = await (await admin.client()).post(
        "/admin/auth/invitations/register", json={"token": link, "name": "Canary", "password": NEW_PASSWORD}
    )
    assert joined.status_code == 201, joined.text
    return {
        "provider credential": CREDENTIAL,
        "mail password": MAIL_PASSWORD,
        "password": NEW_PASSWORD,
        "webhook secret": webhook["secret"].removeprefix("whsec_"),
        "API key": key["secret"],
        "rotated API key": rotated.json()["secret"],
        "invitation": link,
        "session": joined.cookies["omg_session"],
        "access token": (await owner.post("/user/access-tokens", json={"name": "canary"})).json()["token"],
        "SCIM token": (await owner.post("/admin/settings/scim/tokens", json={"name": "canary"})).json()["token"],
    }


async def everything_kept(admin: Any) -> str:
    """All rows of all tables, and all messages of all streams, buckets among them."""
    tables = await admin.execute(
        "SELECT table_schema, table_name FROM information_schema.tables"
        " WHERE table_schema IN ('control', 'ledger', 'alerts') AND table_type = 'BASE TABLE'"
    )
    assert len(tables) > 25
    parts: list[str] = []
    for schema, table in tables:
        for row in await admin.execute(f'SELECT to_jsonb(t)::text FROM "{schema}"."{table}" t'):
            parts.append(row[0])
            # What columns of bytes hold is hexadecimal there: the outbox's payloads.
            values = json.loads(row[0]).values()
            hexadecimal = (each for each in values if isinstance(each, str) and each.startswith("\\x"))
            parts += [bytes.fromhex(each[2:]).decode(errors="replace") for each in hexadecimal]
    async with admin.nats() as client:
        jetstream = client.jetstream()
        for stream in await jetstream.streams_info():
            for sequence in range(max(1, stream.state.first_seq), stream.state.last_seq + 1):
                try:
                    message = await jetstream.get_msg(stream.config.name, sequence)
                except NotFoundError:
                    continue
                parts.append((message.data or b"").decode(errors="replace"))
    return "\n".join(parts)


async def test_what_is_told_once_is_nowhere_to_be_read(admin: Any, capfd: pytest.CaptureFixture[str]) -> None:
    canaries = await told(admin)
    wrong = await admin.client(authorization=f"Bearer {canaries['access token']}x")
    await wrong.post("/admin/auth/login", json={"email": "canary@example.com", "password": NEW_PASSWORD + "x"})
    for path in ("/admin/users", f"/admin/users/{canaries['API key']}"):
        await wrong.get(path)
    kept, printed = await everything_kept(admin), "".join(capfd.readouterr())
    owner = await admin.owner()
    assert (await owner.put("/admin/settings/alerts", json={"smtp": None})).status_code == 200
    assert (await owner.delete("/admin/alerts/policy")).status_code == 204
    assert "canary" in kept, "the search finds what is not secret"
    assert "sign-in refused" in printed
    assert {name for name, secret in canaries.items() if secret in kept} == set()
    assert {name for name, secret in canaries.items() if secret in printed} == set()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "admin.test@evil.example", "127.0.0.1\\@evil.example"]
)
async def test_the_host_that_somebody_claims_is_in_no_link(admin: Any, host: str) -> None:
    """Links that are handed to people are paths: a forged Host sends nobody elsewhere."""
    owner, tenant = await admin.owner(), await admin.tenant()
    body = {"email": f"{secrets.token_hex(4)}@example.com", "role": "viewer"}
    reply: httpx.Response = await owner.post(
        f"/admin/tenants/{tenant['id']}/invitations", json=body, headers={"host": host}
    )
    assert reply.status_code in {201, 400}
    assert "evil" not in reply.text
