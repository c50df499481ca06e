"""The audit log: every change leaves an entry in its own transaction, no secret is in one, and none can be changed."""

import json
from typing import Any

import asyncpg
import pytest
from sqlalchemy import delete

from admin_api.audit.actor import acting, system
from admin_api.audit.listener import AuditedSession, UnauditedError
from admin_api.tenants.models import TenantRow
from common.clock import utc_now
from common.db.engine import create_engine, create_sessions
from common.ids import new_id

ROUTE = {
    "provider": "openai-compatible",
    "model": "m",
    "base_url": "http://127.0.0.1:1",
    "credential": "sk-canary-credential",
    "prices": {},
}


async def entries(admin: Any, **filters: Any) -> list[dict[str, Any]]:
    reply = await (await admin.owner()).get("/admin/audit/entries", params={"limit": 100, **filters})
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["data"]
    return found


async def test_a_change_says_who_what_before_after_and_whence(admin: Any) -> None:
    tenant, person = await admin.tenant(), await admin.signed_in_as("admin")
    user_id = (await person.get("/user/profile")).json()["id"]

    await person.patch(
        f"/admin/tenants/{tenant['id']}", json={"name": "After " + tenant["name"]}, headers={"x-request-id": "ask-1"}
    )

    updated, created = await entries(admin, resource_type="tenant", resource_id=tenant["id"])
    assert {key: updated[key] for key in updated.keys() - {"id", "occurred_at"}} == {
        "actor_kind": "user",
        "actor_id": user_id,
        "action": "tenant.updated",
        "resource_type": "tenant",
        "resource_id": tenant["id"],
        "tenant_id": tenant["id"],
        "before": {"name": tenant["name"]},
        "after": {"name": "After " + tenant["name"]},
        "address": "127.0.0.1",
        "request_id": "ask-1",
    }
    assert (created["action"], created["before"], created["after"]["name"]) == ("tenant.created", None, tenant["name"])


async def test_a_change_that_changes_nothing_leaves_nothing(admin: Any) -> None:
    tenant = await admin.tenant()

    await (await admin.owner()).patch(f"/admin/tenants/{tenant['id']}", json={"name": tenant["name"]})

    assert [each["action"] for each in await entries(admin, resource_id=tenant["id"])] == ["tenant.created"]


async def test_logins_and_refusals_are_in_it(admin: Any) -> None:
    email, client = await admin.user("auditor"), await admin.client()
    user_id = (await admin.sign_in(client, email))["user"]["id"]
    await client.post("/admin/auth/login", json={"email": email, "password": "wrong horse battery staple"})

    refused, started = await entries(admin, resource_type="user", resource_id=user_id)

    assert (started["action"], started["actor_id"], started["after"]) == (
        "session.started",
        user_id,
        {"method": "local"},
    )
    assert (refused["action"], refused["actor_kind"], refused["address"]) == ("session.refused", "system", "127.0.0.1")


async def test_secrets_are_masked(admin: Any) -> None:
    tenant, owner = await admin.tenant(), await admin.owner()
    key = await admin.key(tenant["id"], name="Audited")
    alias = f"audited-{tenant['id']}"
    await owner.put(f"/admin/model-catalog/{alias}", json={"routes": [ROUTE]})
    user = {
        "email": f"{tenant['id']}@example.com",
        "name": "N",
        "password": "canary password of mine",
        "role": "auditor",
    }
    user_id = (await owner.post("/admin/users", json=user)).json()["id"]

    (made,) = await entries(admin, resource_type="api_key", resource_id=key["id"])
    (person,) = await entries(admin, resource_type="user", resource_id=user_id)
    routes = [each["after"] for each in await entries(admin, action="route.created")]
    (route,) = [after for after in routes if after["alias"] == alias]

    assert (made["after"]["name"], made["after"]["hash"]) == ("Audited", "•••")
    assert person["after"]["password_hash"] == "•••"
    assert route["credential"] == "•••"
    everything = json.dumps(
        [dict(row) for row in await admin.execute("SELECT * FROM control.audit_entries")], default=str
    )
    for canary in (key["secret"], admin.key_hash(key["secret"]), "canary password of mine", "sk-canary-credential"):
        assert canary not in everything


async def test_no_entry_can_be_changed_or_removed(admin: Any) -> None:
    for statement in (
        "UPDATE control.audit_entries SET actor_id = 'nobody'",
        "DELETE FROM control.audit_entries",
        "TRUNCATE control.audit_entries",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await admin.execute(statement)


async def test_an_entry_is_in_the_transaction_of_its_change(admin: Any) -> None:
    tenant = await admin.tenant()
    other = await admin.tenant()

    taken = await (await admin.owner()).patch(f"/admin/tenants/{tenant['id']}", json={"name": other["name"]})

    assert taken.status_code == 409
    assert [each["action"] for each in await entries(admin, resource_id=tenant["id"])] == ["tenant.created"]


async def test_what_nobody_does_and_what_passes_the_log_by_is_refused(admin: Any) -> None:
    engine = create_engine(admin.database_url, name="test", pool_size=1)
    sessions = create_sessions(engine, session_class=AuditedSession)
    row = TenantRow(id=new_id("tnt"), name="Nobody's", status="active", created_at=utc_now())
    try:
        with pytest.raises(UnauditedError):
            async with sessions.begin() as session:
                session.add(row)
        with acting(system("test")), pytest.raises(UnauditedError):
            async with sessions.begin() as session:
                await session.execute(delete(TenantRow))
    finally:
        await engine.dispose()
    assert await admin.execute("SELECT 1 FROM control.tenants WHERE name = 'Nobody''s'") == []


async def test_all_of_it_as_json_lines_and_pages(admin: Any) -> None:
    tenant, owner = await admin.tenant(), await admin.owner()
    for number in range(3):
        await owner.patch(f"/admin/tenants/{tenant['id']}", json={"contact": f"Room {number}"})

    exported = await owner.get("/admin/audit/export", params={"tenant_id": tenant["id"]})
    first = (await owner.get("/admin/audit/entries", params={"tenant_id": tenant["id"], "limit": 3})).json()
    rest = (
        await owner.get(
            "/admin/audit/entries",
            params={"tenant_id": tenant["id"], "limit": 3, "cursor": first["next_cursor"]},
        )
    ).json()

    lines = [json.loads(line) for line in exported.text.splitlines()]
    assert [line["action"] for line in lines] == ["tenant.created"] + ["tenant.updated"] * 3
    assert [each["id"] for each in first["data"] + rest["data"]] == [line["id"] for line in reversed(lines)]
    assert (await owner.get(f"/admin/audit/entries/{lines[0]['id']}")).json() == lines[0]
    assert (await owner.get("/admin/audit/entries/nonsense")).status_code == 404
