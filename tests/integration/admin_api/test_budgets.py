"""Budgets over HTTP, and what the edge is told of them."""

from typing import Any

import pytest

from common.events.subjects import catalog_key


async def create(admin: Any, **fields: Any) -> Any:
    owner = await admin.owner()
    return await owner.post("/admin/budgets", json={"name": "pilot", "amount_usd": "100", **fields})


async def test_a_budget_is_in_force_when_the_call_returns(admin: Any) -> None:
    tenant = await admin.tenant()
    reply = await create(admin, scope="tenant", subject=tenant["id"], amount_usd="12.500000001", warn_at=70)
    assert reply.status_code == 201
    budget = reply.json()
    assert (budget["amount_usd"], budget["hard"], budget["schedule"], budget["warn_at"]) == (
        "12.500000001",
        True,
        "calendar_month",
        70,
    )
    current = budget["current"]
    assert (current["spent_usd"], current["remaining_usd"], current["exceeded"]) == ("0", "12.500000001", False)
    assert current["start"] < current["end"]
    record = await admin.record("budgets", budget["id"])
    assert record == {
        "id": budget["id"],
        "name": "pilot",
        "scope": "tenant",
        "subject": tenant["id"],
        "amount": "12500000001",
        "hard": True,
        "schedule": "calendar_month",
        "timezone": "UTC",
        "starts_at": budget["starts_at"],
        "warn_at": 70,
        "alert_at": [],
    }


async def test_changed_and_removed(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    key = await admin.key(tenant["id"])
    budget = (await create(admin, scope="key", subject=key["id"])).json()
    path = f"/admin/budgets/{budget['id']}"
    reply = await owner.patch(path, json={"amount_usd": "0.5", "hard": False, "schedule": "rolling_7d"})
    assert reply.status_code == 200
    assert (reply.json()["amount_usd"], reply.json()["hard"], reply.json()["name"]) == ("0.5", False, "pilot")
    assert (await admin.record("budgets", budget["id"]))["amount"] == "500000000"
    assert (await owner.get(path)).json() == reply.json()
    listed = (await owner.get("/admin/budgets", params={"scope": "key", "subject": key["id"]})).json()
    assert [each["id"] for each in listed["data"]] == [budget["id"]]
    assert (await owner.delete(path)).status_code == 204
    assert await admin.record("budgets", budget["id"]) is None
    assert (await owner.get(path)).status_code == 404


async def test_days_begin_by_the_tenants_time_zone_until_the_budget_has_its_own(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    key = await admin.key(tenant["id"])
    of_tenant = (await create(admin, scope="tenant", subject=tenant["id"])).json()["id"]
    of_key = (await create(admin, scope="key", subject=key["id"])).json()["id"]
    own = (await create(admin, scope="key", subject=key["id"], timezone="America/Lima")).json()["id"]
    reply = await owner.patch(f"/admin/tenants/{tenant['id']}", json={"timezone": "Asia/Tokyo"})
    assert reply.json()["timezone"] == "Asia/Tokyo"
    zones = [(await admin.record("budgets", each))["timezone"] for each in (of_tenant, of_key, own)]
    assert zones == ["Asia/Tokyo", "Asia/Tokyo", "America/Lima"]


async def test_what_was_spent_is_counted_anew_when_periods_are_others(admin: Any) -> None:
    """Its rows go; the ledger makes new ones. A budget that goes takes its rows along."""
    owner, tenant = await admin.owner(), await admin.tenant()

    async def rows_after(method: str, path: str, changes: dict[str, Any] | None = None) -> int:
        for table, columns in (("budget_periods", "now(), 5"), ("budget_crossings", "now(), 80, now()")):
            await admin.execute(f"INSERT INTO ledger.{table} VALUES ($1, {columns})", budget)
        assert (await owner.request(method, path, json=changes)).status_code in {200, 204}
        [left] = await admin.execute(
            "SELECT (SELECT count(*) FROM ledger.budget_periods WHERE budget_id = $1)"
            " + (SELECT count(*) FROM ledger.budget_crossings WHERE budget_id = $1)",
            budget,
        )
        return int(left[0])

    budget = (await create(admin, scope="tenant", subject=tenant["id"])).json()["id"]
    path, of_tenant = f"/admin/budgets/{budget}", f"/admin/tenants/{tenant['id']}"
    assert await rows_after("PATCH", path, {"amount_usd": "7", "name": "n", "schedule": "calendar_month"}) == 2
    assert await rows_after("PATCH", path, {"schedule": "daily"}) == 0
    assert await rows_after("PATCH", of_tenant, {"timezone": "Asia/Tokyo"}) == 0
    assert await rows_after("PATCH", path, {"timezone": "Europe/Berlin"}) == 0
    assert await rows_after("PATCH", path, {"starts_at": "2026-01-01T00:00:00Z"}) == 0
    assert await rows_after("PATCH", of_tenant, {"timezone": "Asia/Seoul"}) == 2
    assert await rows_after("DELETE", path) == 0


async def test_a_key_changes_hands_and_both_budgets_are_counted_anew(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    heir = (await (await admin.signed_in_as("auditor")).get("/admin/auth/session")).json()["user"]["id"]
    key = await admin.key(tenant["id"])
    path = f"/admin/tenants/{tenant['id']}/api-keys/{key['id']}"
    budgets = [(await create(admin, scope="user", subject=user)).json()["id"] for user in (key["owner_id"], heir)]

    async def rows_after(changes: dict[str, Any]) -> int:
        for budget in budgets:
            await admin.execute("INSERT INTO ledger.budget_periods VALUES ($1, now(), 5)", budget)
        reply = await owner.patch(path, json=changes)
        assert reply.status_code == 200
        assert {**reply.json(), **changes} == reply.json()
        count = "SELECT count(*) FROM ledger.budget_periods WHERE budget_id = ANY($1)"
        [left] = await admin.execute(count, budgets)
        await admin.execute("DELETE FROM ledger.budget_periods WHERE budget_id = ANY($1)", budgets)
        return int(left[0])

    assert await rows_after({"owner_id": key["owner_id"]}) == 2
    assert await rows_after({"owner_id": heir}) == 0
    assert await rows_after({"owner_id": None}) == 1
    refused = await owner.patch(path, json={"owner_id": "usr_nobody"})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "owner_id")
    made = await owner.post(f"/admin/tenants/{tenant['id']}/api-keys", json={"name": "k", "owner_id": heir})
    assert made.json()["owner_id"] == heir


async def test_who_made_a_key_owns_it(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    key = (await owner.post(f"/admin/tenants/{tenant['id']}/api-keys", json={"name": "k"})).json()
    assert key["owner_id"].startswith("usr_")
    reply = await create(admin, scope="user", subject=key["owner_id"])
    assert reply.status_code == 201


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": "tenant", "subject": "tnt_" + "0" * 32},
        {"scope": "key", "subject": ""},
        {"scope": "installation", "subject": "x"},
        {"scope": "galaxy"},
        {"scope": "installation", "amount_usd": "-1"},
        {"scope": "installation", "amount_usd": "0.0000000001"},
        {"scope": "installation", "amount_usd": "1000000000"},
        {"scope": "installation", "amount_usd": 5},
        {"scope": "installation", "schedule": "rolling_0d"},
        {"scope": "installation", "schedule": "rolling_367d"},
        {"scope": "installation", "timezone": "Mars/Base"},
        {"scope": "installation", "timezone": "../etc/passwd"},
        {"scope": "installation", "warn_at": 0},
        {"scope": "installation", "warn_at": 101},
        {"scope": "installation", "colour": "red"},
    ],
)
async def test_what_makes_no_sense_is_refused(admin: Any, fields: dict[str, Any]) -> None:
    reply = await create(admin, **fields)
    assert reply.status_code in {400, 422}
    assert reply.json()["error"]["param"] is not None


@pytest.mark.parametrize("path", ["bud_" + "0" * 32, "x", "bud_1"])
async def test_an_unknown_budget_is_not_found(admin: Any, path: str) -> None:
    owner = await admin.owner()
    assert (await owner.get(f"/admin/budgets/{path}")).status_code == 404
    assert (await owner.patch(f"/admin/budgets/{path}", json={"hard": False})).status_code == 404
    assert (await owner.delete(f"/admin/budgets/{path}")).status_code == 404


async def test_a_routes_most_output_reaches_the_edge_and_stays(admin: Any) -> None:
    owner = await admin.owner()
    route = {
        "provider": "openai-compatible",
        "model": "m",
        "base_url": "https://example.com/v1",
        "prices": {"input": "1", "output": "2"},
    }
    alias = "budgeted"
    made = await owner.put(
        f"/admin/model-catalog/{alias}", json={"routes": [{**route, "credential": "sk-x", "max_output_tokens": 4096}]}
    )
    assert made.status_code in {200, 201}, made.text
    [shown] = made.json()["routes"]
    assert shown["max_output_tokens"] == 4096
    again = await owner.put(f"/admin/model-catalog/{alias}", json={"routes": [{**route, "id": shown["id"]}]})
    assert again.json()["routes"][0]["max_output_tokens"] == 4096
    cleared = await owner.put(
        f"/admin/model-catalog/{alias}", json={"routes": [{**route, "id": shown["id"], "max_output_tokens": None}]}
    )
    assert cleared.json()["routes"][0]["max_output_tokens"] is None


async def test_what_a_route_can_do_reaches_the_edge_and_stays(admin: Any) -> None:
    owner = await admin.owner()
    route = {"provider": "openai-compatible", "model": "m", "base_url": "https://example.com/v1", "prices": {}}
    path = "/admin/model-catalog/able"

    async def put(**fields: Any) -> Any:
        return await owner.put(path, json={"routes": [{**route, **fields}]})

    async def told() -> Any:
        return (await admin.record("catalog", catalog_key("able")))["routes"][0].get("operations")

    [shown] = (await put(operations=["chat", "chat"])).json()["routes"]
    assert (shown["operations"], await told()) == (["chat"], ["chat"])
    again = await put(id=shown["id"])
    assert again.json()["routes"][0]["operations"] == ["chat"]
    everything = await put(id=shown["id"], operations=None)
    assert (everything.json()["routes"][0]["operations"], await told()) == (None, None)
    refused = await put(operations=["chat", "telepathy"])
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "unknown_operation")
    assert "telepathy" in refused.json()["error"]["message"]
    assert (await put(operations=[])).status_code == 400


async def test_several_percentages_are_kept_in_order(admin: Any) -> None:
    budget = (await create(admin, scope="installation", alert_at=[150, 50, 95, 50])).json()
    assert budget["alert_at"] == [50, 95, 150]
    assert (await admin.record("budgets", budget["id"]))["alert_at"] == [50, 95, 150]
    owner = await admin.owner()
    for wrong in ([0], [1001], [1, 2, 3, 4, 5, 6, 7, 8, 9], ["80"]):
        assert (await owner.patch(f"/admin/budgets/{budget['id']}", json={"alert_at": wrong})).status_code == 400
    assert (await owner.delete(f"/admin/budgets/{budget['id']}")).status_code == 204


async def test_the_history_of_a_budget(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    budget = (await create(admin, scope="tenant", subject=tenant["id"], amount_usd="10")).json()
    reply = await owner.get(f"/admin/budgets/{budget['id']}/periods")
    assert reply.status_code == 200, reply.text
    (period,) = reply.json()["data"]
    assert (period["start"], period["spent_usd"], period["levels"]) == (budget["current"]["start"], "0", [])
    assert (await owner.get("/admin/budgets/bud_unknown/periods")).status_code == 404
    wrong = {"cursor": "WyJub3cwIl0"}
    assert (await owner.get(f"/admin/budgets/{budget['id']}/periods", params=wrong)).status_code == 400
