"""Who belongs to a tenant: behind both doors, up to one's own role, and never without an owner."""

from typing import Any

import httpx
import pytest


async def id_of(client: httpx.AsyncClient) -> str:
    user_id: str = (await client.get("/user/profile")).json()["id"]
    return user_id


async def test_a_member_sees_the_tenant_and_its_members(admin: Any) -> None:
    tenant = await admin.tenant()
    viewer = await admin.member(tenant["id"], "viewer")

    (own,) = (await viewer.get("/user/tenants")).json()["data"]
    members = (await viewer.get(f"/user/tenants/{tenant['id']}/members")).json()["data"]

    assert (own["id"], own["role"], own["name"]) == (tenant["id"], "viewer", tenant["name"])
    assert own["permissions"] == [
        "tenants:read",
        "members:read",
        "api_keys:read",
        "catalog:read",
        "budgets:read",
        "usage:read",
        "alerts:read",
    ]
    assert [(each["user_id"], each["role"]) for each in members] == [(await id_of(viewer), "viewer")]


async def test_a_role_counts_at_once_and_so_does_its_end(admin: Any) -> None:
    tenant, owner = await admin.tenant(), await admin.owner()
    person = await admin.member(tenant["id"], "member")
    other = await id_of(await admin.member(tenant["id"], "viewer"))
    place = f"/user/tenants/{tenant['id']}/members/{other}"
    assert (await person.put(place, json={"role": "member"})).status_code == 403

    await owner.put(f"/admin/tenants/{tenant['id']}/members/{await id_of(person)}", json={"role": "admin"})
    allowed = await person.put(place, json={"role": "member"})
    await owner.delete(f"/admin/tenants/{tenant['id']}/members/{await id_of(person)}")

    assert (allowed.status_code, allowed.json()["role"]) == (200, "member")
    assert (await person.put(place, json={"role": "viewer"})).status_code == 404
    assert (await person.get("/user/tenants")).json()["data"] == []


async def test_a_tenants_admin_can_neither_make_nor_unmake_an_owner(admin: Any) -> None:
    tenant = await admin.tenant()
    boss, person = await admin.member(tenant["id"], "owner"), await admin.member(tenant["id"], "admin")
    members = f"/user/tenants/{tenant['id']}/members"

    promoted = await person.put(f"{members}/{await id_of(person)}", json={"role": "owner"})
    demoted = await person.put(f"{members}/{await id_of(boss)}", json={"role": "viewer"})
    removed = await person.delete(f"{members}/{await id_of(boss)}")
    invited = await person.post(
        f"/user/tenants/{tenant['id']}/invitations", json={"email": "o@example.com", "role": "owner"}
    )

    assert [reply.status_code for reply in (promoted, demoted, removed, invited)] == [403] * 4
    roles = {each["user_id"]: each["role"] for each in (await boss.get(members)).json()["data"]}
    assert roles == {await id_of(boss): "owner", await id_of(person): "admin"}


@pytest.mark.parametrize("door", ["admin", "user"])
async def test_the_last_owner_stays(admin: Any, door: str) -> None:
    tenant = await admin.tenant()
    boss = await admin.member(tenant["id"], "owner")
    client = await admin.owner() if door == "admin" else boss
    place = f"/{door}/tenants/{tenant['id']}/members/{await id_of(boss)}"

    demoted, removed = await client.put(place, json={"role": "admin"}), await client.delete(place)

    assert (demoted.status_code, demoted.json()["error"]["code"]) == (409, "last_owner")
    assert (removed.status_code, removed.json()["error"]["code"]) == (409, "last_owner")
    await admin.member(tenant["id"], "owner")
    assert (await client.put(place, json={"role": "admin"})).status_code == 200


async def test_a_tenants_people_cannot_find_out_who_else_has_an_account(admin: Any) -> None:
    tenant = await admin.tenant()
    boss, stranger = await admin.member(tenant["id"], "owner"), await admin.signed_in_as(None)
    members = f"/user/tenants/{tenant['id']}/members"

    known = await boss.put(f"{members}/{await id_of(stranger)}", json={"role": "viewer"})
    unknown = await boss.put(f"{members}/usr_{'0' * 32}", json={"role": "viewer"})

    assert known.status_code == unknown.status_code == 404
    assert known.json() == unknown.json()


async def test_an_archived_tenant_is_out_of_its_peoples_sight_and_out_of_force(admin: Any) -> None:
    tenant, owner = await admin.tenant(), await admin.owner()
    boss = await admin.member(tenant["id"], "owner")

    archived = await owner.patch(f"/admin/tenants/{tenant['id']}", json={"status": "archived"})
    seen = await boss.get("/user/tenants"), await boss.get(f"/user/tenants/{tenant['id']}/members")
    record = await admin.record("policies", tenant["id"])
    back = await owner.patch(f"/admin/tenants/{tenant['id']}", json={"status": "active"})

    assert archived.json()["archived_at"] is not None
    assert (seen[0].json()["data"], seen[1].status_code) == ([], 404)
    assert record["status"] == "suspended"
    assert back.json()["archived_at"] is None
    assert (await boss.get(f"/user/tenants/{tenant['id']}/members")).status_code == 200


async def test_pages_of_members(admin: Any) -> None:
    tenant, owner = await admin.tenant(), await admin.owner()
    expected = {await id_of(await admin.member(tenant["id"], "viewer")) for _ in range(3)}
    place = f"/admin/tenants/{tenant['id']}/members"

    first = (await owner.get(place, params={"limit": 2})).json()
    rest = (await owner.get(place, params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert (len(first["data"]), first["has_more"], rest["has_more"]) == (2, True, False)
    assert {each["user_id"] for each in first["data"] + rest["data"]} == expected
