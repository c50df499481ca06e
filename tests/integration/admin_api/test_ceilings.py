"""What a key can be given: limits and budgets up to its tenant's, seen before it is made and held to whoever makes it."""

from typing import Any

import pytest


async def governed_tenant(admin: Any) -> dict[str, Any]:
    """One with 60 requests a minute and 10 dollars a month."""
    tenant, owner = await admin.tenant(), await admin.owner()
    await owner.put(f"/admin/tenants/{tenant['id']}/rate-limits", json={"requests_per_minute": 60})
    budget = {"name": "All", "scope": "tenant", "subject": tenant["id"], "amount_usd": "10"}
    assert (await owner.post("/admin/budgets", json=budget)).status_code == 201
    return dict(tenant)


@pytest.mark.parametrize("door", ["admin", "user"])
async def test_the_ceilings_of_a_key_are_told_before_it_is_made(admin: Any, door: str) -> None:
    tenant = await governed_tenant(admin)
    client = await admin.owner() if door == "admin" else await admin.member(tenant["id"], "member")

    reply = (await client.get(f"/{door}/tenants/{tenant['id']}/key-ceilings")).json()

    assert reply["effective"]["requests_per_minute"] == 60
    assert reply["ceilings"]["tenant"]["requests_per_minute"] == 60
    assert reply["own"]["requests_per_minute"] is None


@pytest.mark.parametrize("door", ["admin", "user"])
async def test_a_key_is_made_with_its_limits_and_its_budget_at_once(admin: Any, door: str) -> None:
    tenant = await governed_tenant(admin)
    client = await admin.owner() if door == "admin" else await admin.member(tenant["id"], "member")
    place = f"/{door}/tenants/{tenant['id']}/api-keys"

    reply = await client.post(
        place,
        json={
            "name": "Governed",
            "limits": {"requests_per_minute": 30},
            "budget": {"name": "Its own", "amount_usd": "2.5"},
        },
    )

    key = reply.json()
    assert reply.status_code == 201, reply.text
    record = await admin.record("keys", admin.key_hash(key["secret"]))
    assert record["limits"]["overall"]["requests_per_minute"] == 30
    (budget,) = (await (await admin.owner()).get("/admin/budgets", params={"subject": key["id"]})).json()["data"]
    assert (budget["name"], budget["amount_usd"], budget["scope"]) == ("Its own", "2.5", "key")
    assert (await admin.record("budgets", budget["id"]))["amount"] == "2500000000"


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"limits": {"requests_per_minute": 61}}, "requests_per_minute"),
        ({"budget": {"name": "B", "amount_usd": "10.000000001"}}, "amount_usd"),
    ],
)
async def test_nothing_above_the_tenants_is_given_and_no_key_is_made(
    admin: Any, given: dict[str, Any], param: str
) -> None:
    tenant = await governed_tenant(admin)
    member = await admin.member(tenant["id"], "admin")
    place = f"/user/tenants/{tenant['id']}/api-keys"

    reply = await member.post(place, json={"name": "Greedy", **given})

    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "limit_above_ceiling")
    assert reply.json()["error"]["param"] == param
    assert (await member.get(place)).json()["data"] == []


async def test_another_schedule_or_a_soft_budget_above_is_no_ceiling(admin: Any) -> None:
    tenant = await governed_tenant(admin)
    member = await admin.member(tenant["id"], "admin")
    budget = {"name": "Weekly", "amount_usd": "11", "schedule": "weekly"}

    reply = await member.post(f"/user/tenants/{tenant['id']}/api-keys", json={"name": "K", "budget": budget})

    assert reply.status_code == 201, reply.text


async def test_a_tenants_admin_governs_its_keys_below_the_tenants_own(admin: Any) -> None:
    tenant = await governed_tenant(admin)
    boss, key = await admin.member(tenant["id"], "admin"), await admin.key(tenant["id"])
    limits = f"/user/tenants/{tenant['id']}/api-keys/{key['id']}/rate-limits"
    budgets = f"/user/tenants/{tenant['id']}/api-keys/{key['id']}/budgets"

    assert (await boss.put(limits, json={"requests_per_minute": 10})).json()["effective"]["requests_per_minute"] == 10
    assert (await boss.put(limits, json={"requests_per_minute": 61})).status_code == 422
    assert (await boss.delete(limits)).status_code == 204
    made = (await boss.post(budgets, json={"name": "K", "amount_usd": "3"})).json()
    assert (await boss.patch(f"{budgets}/{made['id']}", json={"amount_usd": "4"})).json()["amount_usd"] == "4"
    assert (await boss.patch(f"{budgets}/{made['id']}", json={"amount_usd": "11"})).status_code == 422
    listed = (await boss.get(f"/user/tenants/{tenant['id']}/budgets")).json()["data"]
    assert [(each["scope"], each["amount_usd"]) for each in listed] == [("tenant", "10"), ("key", "4")]
    assert (await boss.delete(f"{budgets}/{made['id']}")).status_code == 204


async def test_a_tenants_admin_reaches_no_budget_but_those_of_its_keys(admin: Any) -> None:
    tenant, other = await governed_tenant(admin), await admin.tenant()
    boss, key, owner = await admin.member(tenant["id"], "owner"), await admin.key(tenant["id"]), await admin.owner()
    foreign_key = await admin.key(other["id"])
    foreign = {"name": "F", "scope": "key", "subject": foreign_key["id"], "amount_usd": "1"}
    foreign_id = (await owner.post("/admin/budgets", json=foreign)).json()["id"]
    (own,) = (await owner.get("/admin/budgets", params={"subject": tenant["id"]})).json()["data"]
    place = f"/user/tenants/{tenant['id']}/api-keys/{key['id']}/budgets"

    replies = [
        await boss.patch(f"{place}/{own['id']}", json={"amount_usd": "1000"}),
        await boss.delete(f"{place}/{own['id']}"),
        await boss.delete(f"{place}/{foreign_id}"),
        await boss.delete(f"/user/tenants/{tenant['id']}/api-keys/{foreign_key['id']}/budgets/{foreign_id}"),
    ]

    assert [reply.status_code for reply in replies] == [404] * 4
    assert (await owner.get(f"/admin/budgets/{own['id']}")).json()["amount_usd"] == "10"
