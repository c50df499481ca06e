"""The default budget: tenants without one of their own have it, as the edge and the ledger see budgets."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

DEFAULT = {"amount_usd": "25", "hard": True, "schedule": "calendar_month", "warn_at": 80, "alert_at": [50]}


@pytest.fixture
async def owner(admin: Any) -> AsyncIterator[Any]:
    """Whatever a test sets for everybody is gone after it."""
    owner = await admin.owner()
    yield owner
    assert (await owner.put("/admin/settings/budgets", json={"default_budget": None})).status_code == 200


async def set_default(owner: Any, **fields: Any) -> None:
    reply = await owner.put("/admin/settings/budgets", json={"default_budget": DEFAULT | fields})
    assert reply.status_code == 200, reply.text
    assert reply.json() == {"default_budget": DEFAULT | fields}


async def budgets_of(owner: Any, tenant: Any) -> list[Any]:
    reply = await owner.get("/admin/budgets", params={"scope": "tenant", "subject": tenant["id"]})
    data: list[Any] = reply.json()["data"]
    return data


async def test_tenants_have_it_from_before_and_after(admin: Any, owner: Any) -> None:
    before = await admin.tenant()
    assert await budgets_of(owner, before) == []
    await set_default(owner)
    after = await admin.tenant()
    for tenant in (before, after):
        (budget,) = await budgets_of(owner, tenant)
        assert (budget["amount_usd"], budget["follows_default"], budget["alert_at"]) == ("25", True, [50])
        assert (await admin.record("budgets", budget["id"]))["amount"] == "25000000000"
    await set_default(owner, amount_usd="30")
    (changed,) = await budgets_of(owner, before)
    assert (changed["amount_usd"], changed["follows_default"]) == ("30", True)
    assert (await admin.record("budgets", changed["id"]))["amount"] == "30000000000"
    assert (await owner.put("/admin/settings/budgets", json={"default_budget": None})).status_code == 200
    assert await budgets_of(owner, before) == []
    assert await admin.record("budgets", changed["id"]) is None


async def test_ones_own_takes_its_place_and_gives_it_back(admin: Any, owner: Any) -> None:
    await set_default(owner)
    tenant = await admin.tenant()
    (default,) = await budgets_of(owner, tenant)
    wanted = {"name": "own", "scope": "tenant", "subject": tenant["id"], "amount_usd": "1"}
    own = (await owner.post("/admin/budgets", json=wanted)).json()
    assert [each["id"] for each in await budgets_of(owner, tenant)] == [own["id"]]
    assert await admin.record("budgets", default["id"]) is None
    assert (await owner.delete(f"/admin/budgets/{own['id']}")).status_code == 204
    (again,) = await budgets_of(owner, tenant)
    assert (again["amount_usd"], again["follows_default"]) == ("25", True)


async def test_one_that_is_changed_is_the_tenants_own(admin: Any, owner: Any) -> None:
    await set_default(owner)
    tenant = await admin.tenant()
    (default,) = await budgets_of(owner, tenant)
    refused = await owner.delete(f"/admin/budgets/{default['id']}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "follows_default")
    changed = (await owner.patch(f"/admin/budgets/{default['id']}", json={"amount_usd": "99"})).json()
    assert (changed["id"], changed["follows_default"]) == (default["id"], False)
    await set_default(owner, amount_usd="26")
    (kept,) = await budgets_of(owner, tenant)
    assert kept["amount_usd"] == "99"


@pytest.mark.parametrize("wrong", [{"schedule": "fixed"}, {"amount_usd": "-1"}, {"warn_at": 0}, {"name": "x"}])
async def test_a_wrong_default_changes_nothing(owner: Any, wrong: dict[str, Any]) -> None:
    assert (await owner.put("/admin/settings/budgets", json={"default_budget": DEFAULT | wrong})).status_code == 400
    assert (await owner.get("/admin/settings/budgets")).json() == {"default_budget": None}
