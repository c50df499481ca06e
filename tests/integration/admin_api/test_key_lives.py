"""The lives of a key: suspended and back, rotated with a time of grace, personal and gone with its person; its last use."""

from datetime import datetime, timedelta
from typing import Any

import pytest


def place(key: dict[str, Any], door: str = "admin") -> str:
    return f"/{door}/tenants/{key['tenant_id']}/api-keys/{key['id']}"


async def own_key(client: Any, tenant_id: str, **fields: Any) -> dict[str, Any]:
    reply = await client.post(f"/user/tenants/{tenant_id}/api-keys", json={"name": "Mine", **fields})
    assert reply.status_code == 201, reply.text
    key: dict[str, Any] = reply.json()
    return key


async def test_a_suspended_key_is_out_of_force_until_it_is_put_back(admin: Any) -> None:
    key, owner = await admin.key((await admin.tenant())["id"]), await admin.owner()

    suspended = await owner.patch(place(key), json={"suspended": True})
    assert (suspended.status_code, suspended.json()["status"]) == (200, "suspended")
    assert await admin.record("keys", admin.key_hash(key["secret"])) is None

    back = await owner.patch(place(key), json={"suspended": False})
    assert (back.json()["status"], back.json()["suspended_at"]) == ("active", None)
    assert (await admin.record("keys", admin.key_hash(key["secret"])))["key_id"] == key["id"]


async def test_after_a_rotation_both_secrets_are_good_for_the_time_of_grace(admin: Any) -> None:
    key, owner = await admin.key((await admin.tenant())["id"]), await admin.owner()

    reply = await owner.post(place(key) + "/rotate", json={"grace_seconds": 3600})

    rotated = reply.json()
    assert (reply.status_code, rotated["id"], rotated["previous_hint"]) == (200, key["id"], key["hint"])
    assert rotated["secret"] != key["secret"]
    new = await admin.record("keys", admin.key_hash(rotated["secret"]))
    old = await admin.record("keys", admin.key_hash(key["secret"]))
    assert (new["key_id"], new.get("expires_at")) == (key["id"], None)
    assert old["key_id"] == key["id"]
    assert datetime.fromisoformat(old["expires_at"]) == datetime.fromisoformat(rotated["previous_ends_at"])
    assert (await owner.get(place(key))).json()["hint"] == rotated["hint"]


async def test_a_second_rotation_ends_the_first_secret(admin: Any) -> None:
    key, owner = await admin.key((await admin.tenant())["id"]), await admin.owner()

    second = (await owner.post(place(key) + "/rotate", json={})).json()
    third = (await owner.post(place(key) + "/rotate", json={"grace_seconds": 0})).json()

    assert await admin.record("keys", admin.key_hash(key["secret"])) is None
    assert await admin.record("keys", admin.key_hash(second["secret"])) is None
    assert (await admin.record("keys", admin.key_hash(third["secret"])))["key_id"] == key["id"]
    assert (third["previous_hint"], third["previous_ends_at"]) == (None, None)


async def test_revoking_and_changing_counts_for_both_secrets(admin: Any) -> None:
    key, owner = await admin.key((await admin.tenant())["id"]), await admin.owner()
    rotated = (await owner.post(place(key) + "/rotate", json={})).json()
    secrets = [admin.key_hash(key["secret"]), admin.key_hash(rotated["secret"])]

    await owner.patch(place(key), json={"models": ["only-this"]})
    assert [(await admin.record("keys", each))["models"] for each in secrets] == [["only-this"]] * 2
    await owner.delete(place(key))
    assert [await admin.record("keys", each) for each in secrets] == [None, None]
    refused = await owner.post(place(key) + "/rotate", json={})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "revoked")


async def test_no_grace_is_longer_than_the_key(admin: Any) -> None:
    ends = (admin.clock() + timedelta(minutes=5)).replace(microsecond=0)
    key = await admin.key((await admin.tenant())["id"], expires_at=ends.isoformat())

    await (await admin.owner()).post(place(key) + "/rotate", json={"grace_seconds": 3600})

    old = await admin.record("keys", admin.key_hash(key["secret"]))
    assert datetime.fromisoformat(old["expires_at"]) == ends


@pytest.mark.parametrize("grace", [-1, 30 * 86_400 + 1, "1", 1.5])
async def test_a_grace_is_a_number_of_seconds_up_to_thirty_days(admin: Any, grace: Any) -> None:
    key = await admin.key((await admin.tenant())["id"])

    reply = await (await admin.owner()).post(place(key) + "/rotate", json={"grace_seconds": grace})

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "grace_seconds")


async def test_a_member_makes_personal_keys_and_no_others(admin: Any) -> None:
    tenant = await admin.tenant()
    member = await admin.member(tenant["id"], "member")
    me = (await member.get("/user/profile")).json()["id"]
    of_tenant = await admin.key(tenant["id"])

    key = await own_key(member, tenant["id"])
    service = await member.post(f"/user/tenants/{tenant['id']}/api-keys", json={"name": "S", "kind": "service"})
    foreign = await member.delete(place(of_tenant, "user"))

    assert (key["kind"], key["owner_id"]) == ("personal", me)
    assert (service.status_code, foreign.status_code) == (403, 403)
    assert (await admin.record("keys", admin.key_hash(key["secret"])))["owner_id"] == me
    listed = (await member.get(f"/user/tenants/{tenant['id']}/api-keys")).json()["data"]
    assert {each["id"] for each in listed} == {key["id"], of_tenant["id"]}
    assert [each["id"] for each in (await member.get("/user/api-keys")).json()["data"]] == [key["id"]]
    assert (await member.patch(place(key, "user"), json={"name": "Renamed"})).json()["name"] == "Renamed"
    assert (await member.post(place(key, "user") + "/rotate", json={})).status_code == 200
    assert (await member.delete(place(key, "user"))).status_code == 204


async def test_a_tenants_admin_makes_the_tenants_keys_and_takes_its_peoples(admin: Any) -> None:
    tenant = await admin.tenant()
    boss, member = await admin.member(tenant["id"], "admin"), await admin.member(tenant["id"], "member")
    personal = await own_key(member, tenant["id"])

    service = await own_key(boss, tenant["id"], kind="service")
    taken = await boss.delete(place(personal, "user"))

    assert service["kind"] == "service"
    assert taken.status_code == 204
    assert await admin.record("keys", admin.key_hash(personal["secret"])) is None


async def test_the_key_of_another_tenant_is_not_there(admin: Any) -> None:
    tenant, other = await admin.tenant(), await admin.tenant()
    boss, key = await admin.member(tenant["id"], "owner"), await admin.key(other["id"])
    inside = f"/user/tenants/{tenant['id']}/api-keys/{key['id']}"

    replies = [await boss.get(inside), await boss.delete(inside), await boss.post(inside + "/rotate", json={})]

    assert [reply.status_code for reply in replies] == [404] * 3
    assert await admin.record("keys", admin.key_hash(key["secret"])) is not None


async def test_a_personal_key_goes_with_its_person(admin: Any) -> None:
    tenant, owner = await admin.tenant(), await admin.owner()
    member = await admin.member(tenant["id"], "member")
    me, key = (await member.get("/user/profile")).json()["id"], await own_key(member, tenant["id"])
    record = admin.key_hash(key["secret"])

    await owner.patch(f"/admin/users/{me}", json={"disabled": True})
    assert await admin.record("keys", record) is None
    await owner.patch(f"/admin/users/{me}", json={"disabled": False})
    assert await admin.record("keys", record) is not None
    await owner.delete(f"/admin/tenants/{tenant['id']}/members/{me}")
    assert await admin.record("keys", record) is None
    assert (await owner.get(place(key))).json()["status"] == "revoked"


async def test_a_personal_key_stays_its_owners(admin: Any) -> None:
    tenant, owner = await admin.tenant(), await admin.owner()
    key = await own_key(await admin.member(tenant["id"], "member"), tenant["id"])

    reply = await owner.patch(place(key), json={"owner_id": None})

    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "personal_key")


async def test_a_key_says_when_it_was_last_used(admin: Any) -> None:
    key, owner = await admin.key((await admin.tenant())["id"]), await admin.owner()
    assert (await owner.get(place(key))).json()["last_used_at"] is None

    await admin.execute("INSERT INTO ledger.key_activity VALUES ($1, '2026-01-02T03:04:05Z')", key["id"])

    assert (await owner.get(place(key))).json()["last_used_at"] == "2026-01-02T03:04:05Z"
    (listed,) = (await owner.get(f"/admin/tenants/{key['tenant_id']}/api-keys")).json()["data"]
    assert listed["last_used_at"] == "2026-01-02T03:04:05Z"
