"""Tenants that are deleted and brought back or purged, and personal ones that follow the default models."""

from datetime import timedelta
from typing import Any

import pytest

from admin_api.audit.actor import acting, system
from admin_api.tenants.deletion import purge_due


@pytest.fixture
async def alone(start_admin: Any, nats_url: str) -> Any:
    """An admin-api of the test's own: settings concern all tenants."""
    admin = await start_admin(nats_url=nats_url)
    await admin.in_force()
    return admin


async def settings(admin: Any, **changes: Any) -> None:
    body = {"personal_tenants": True, "default_models": ["demo"], "retention_days": 30, **changes}
    reply = await (await admin.owner()).put("/admin/settings/tenants", json=body)
    assert reply.status_code == 200, reply.text


async def purge(admin: Any) -> int:
    with acting(system("test")):
        return await purge_due(admin.app.state.services.sessions, clock=admin.clock)


async def test_a_deleted_tenant_is_out_of_force_and_can_be_brought_back(admin: Any) -> None:
    tenant, owner = await admin.tenant(), await admin.owner()
    place = f"/admin/tenants/{tenant['id']}"

    deleted = (await owner.delete(place)).json()
    record = await admin.record("policies", tenant["id"])
    back = (await owner.patch(place, json={"status": "active"})).json()

    assert (deleted["status"], record["status"]) == ("archived", "suspended")
    assert deleted["purge_after"] is not None
    assert (back["status"], back["purge_after"], back["archived_at"]) == ("active", None, None)
    assert (await admin.record("policies", tenant["id"]))["status"] == "active"


async def test_after_its_retention_only_its_id_is_left(alone: Any, eventually: Any) -> None:
    tenant, owner = await alone.tenant(contact="Jane Doe"), await alone.owner()
    key, _ = await alone.key(tenant["id"]), await alone.member(tenant["id"], "owner")
    await owner.post(
        f"/admin/tenants/{tenant['id']}/invitations", json={"email": "guest@example.com", "role": "viewer"}
    )
    budget = {"name": "B", "scope": "tenant", "subject": tenant["id"], "amount_usd": "1"}
    budget_id = (await owner.post("/admin/budgets", json=budget)).json()["id"]
    await owner.delete(f"/admin/tenants/{tenant['id']}")

    alone.clock.ahead = timedelta(days=29)
    assert await purge(alone) == 0
    alone.clock.ahead = timedelta(days=30)
    assert await purge(alone) == 1
    assert await purge(alone) == 0

    owner = await alone.signed_in_as("owner")
    assert (await owner.get(f"/admin/tenants/{tenant['id']}")).status_code == 404
    assert tenant["id"] not in [each["id"] for each in (await owner.get("/admin/tenants")).json()["data"]]
    assert (await owner.get(f"/admin/budgets/{budget_id}")).status_code == 404
    for table in ("memberships", "invitations"):
        assert await alone.execute(f"SELECT 1 FROM control.{table} WHERE tenant_id = $1", tenant["id"]) == []
    (row,) = await alone.execute("SELECT * FROM control.tenants WHERE id = $1", tenant["id"])
    assert tenant["name"] not in str(row)
    assert "Jane" not in str(row)

    async def gone() -> bool:
        records = [
            await alone.record("keys", alone.key_hash(key["secret"])),
            await alone.record("policies", tenant["id"]),
            await alone.record("budgets", budget_id),
        ]
        return records == [None] * 3

    await eventually(gone)


async def test_each_person_gets_a_tenant_of_their_own_when_they_sign_in(alone: Any, eventually: Any) -> None:
    await settings(alone)
    email = await alone.user(None)
    person = await alone.client()
    await alone.sign_in(person, email)
    await alone.sign_in(person, email)

    (own,) = (await person.get("/user/tenants")).json()["data"]

    assert (own["kind"], own["role"], own["name"]) == ("personal", "owner", f"Personal: {email}")

    async def has_the_default() -> bool:
        record = await alone.record("policies", own["id"])
        return record is not None and record["models"] == ["demo"]

    await eventually(has_the_default)
    await settings(alone, default_models=["demo", "other"])
    assert (await alone.record("policies", own["id"]))["models"] == ["demo", "other"]
    await settings(alone, default_models=None)
    assert (await alone.record("policies", own["id"]))["models"] is None


async def test_what_was_given_to_a_personal_tenant_by_hand_stays(alone: Any) -> None:
    await settings(alone)
    person, owner = await alone.signed_in_as(None), await alone.owner()
    (own,) = (await person.get("/user/tenants")).json()["data"]
    place = f"/admin/tenants/{own['id']}"

    await owner.patch(place, json={"models": ["special"]})
    await settings(alone, default_models=["changed"])
    assert (await alone.record("policies", own["id"]))["models"] == ["special"]
    await owner.patch(place, json={"follows_default_models": True})
    assert (await alone.record("policies", own["id"]))["models"] == ["changed"]


async def test_a_personal_tenant_has_one_member(alone: Any) -> None:
    await settings(alone)
    person, other, owner = await alone.signed_in_as(None), await alone.signed_in_as(None), await alone.owner()
    (own,) = (await person.get("/user/tenants")).json()["data"]
    me, them = [(await each.get("/user/profile")).json()["id"] for each in (person, other)]
    place = f"/admin/tenants/{own['id']}/members"

    added = await owner.put(f"{place}/{them}", json={"role": "viewer"})
    removed = await owner.delete(f"{place}/{me}")
    invited = await person.post(
        f"/user/tenants/{own['id']}/invitations", json={"email": "x@example.com", "role": "viewer"}
    )

    assert [reply.json()["error"]["code"] for reply in (added, removed, invited)] == ["personal_tenant"] * 3


async def test_nobody_gets_one_unless_it_is_set(admin: Any) -> None:
    person = await admin.signed_in_as(None)

    assert (await person.get("/user/tenants")).json()["data"] == []
    assert (await (await admin.owner()).get("/admin/settings/tenants")).json() == {
        "personal_tenants": False,
        "default_models": [],
        "retention_days": 30,
    }


@pytest.mark.parametrize("field", ["personal_tenants", "default_models", "retention_days"])
async def test_settings_are_written_whole(admin: Any, field: str) -> None:
    body = {"personal_tenants": False, "default_models": [], "retention_days": 30}
    del body[field]

    reply = await (await admin.owner()).put("/admin/settings/tenants", json=body)

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, field)
