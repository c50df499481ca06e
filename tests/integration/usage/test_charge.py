"""Explaining a charge: from the price lines to the cost, the hour's sum and the budgets, each the same number."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
from tests.integration.usage.conftest import NOW, OWNER

from admin_api.budgets.models import BudgetRow
from admin_api.ledger import service
from common.db.engine import Sessions
from common.ids import new_id
from common.testing.usage_events import usage_event


async def budget(sessions: Sessions, scope: str, subject: str, **fields: Any) -> str:
    row = BudgetRow(
        id=new_id("bud"),
        **{
            "name": scope,
            "scope": scope,
            "subject": subject,
            "amount_nano_usd": 10**9,
            "hard": True,
            "schedule": "calendar_month",
            "timezone": None,
            "starts_at": NOW,
            "warn_at": 80,
            "created_at": NOW,
            **fields,
        },
    )
    async with sessions.begin() as session:
        session.add(row)
    return row.id


async def test_a_charge_adds_up_all_the_way(
    client: httpx.AsyncClient, owen: httpx.AsyncClient, sessions: Sessions
) -> None:
    ids = {
        scope: await budget(sessions, scope, subject)
        for scope, subject in (("installation", ""), ("tenant", "tnt_one"), ("key", "key_one"), ("user", OWNER))
    }
    await budget(sessions, "tenant", "tnt_two")
    calls = [
        usage_event(tenant_id="tnt_one", key_id="key_one", time=NOW - timedelta(minutes=minutes), cost_nano_usd="1000")
        for minutes in (1, 2, 3)
    ]
    await service.record_usage(sessions, calls)
    charge = (await client.get(f"/admin/usage/calls/{calls[0].id}/charge")).json()
    call = (await client.get(f"/admin/usage/calls/{calls[0].id}")).json()
    assert charge["cost_nano_usd"] == call["cost_nano_usd"] == "1000"
    assert [{k: v for k, v in line.items() if k != "amount_nano_usd"} for line in charge["lines"]] == call["lines"]
    for line in charge["lines"]:
        assert int(line["quantity"]) * Decimal(line["price"]) * 1000 == Decimal(line["amount_nano_usd"])
    assert charge["hour"]["requests"] == 3
    assert charge["hour"]["cost_nano_usd"] == "3000"
    assert {each["id"] for each in charge["budgets"]} == set(ids.values())
    assert {each["spent_nano_usd"] for each in charge["budgets"]} == {"3000"}
    assert {each["period_start"] for each in charge["budgets"]} == {"2026-11-01T00:00:00Z"}

    mine = (await owen.get(f"/user/usage/calls/{calls[0].id}/charge")).json()
    assert {each["id"] for each in mine["budgets"]} == {ids["tenant"], ids["key"]}
    assert {**mine, "budgets": []} == {**charge, "budgets": []}


async def test_a_foreign_charge_is_nobodys_business(
    client: httpx.AsyncClient, owen: httpx.AsyncClient, sessions: Sessions
) -> None:
    call = usage_event(tenant_id="tnt_two", key_id="key_two", time=NOW - timedelta(days=1))
    await service.record_usage(sessions, [call])
    assert (await client.get(f"/admin/usage/calls/{call.id}/charge")).status_code == 200
    assert (await owen.get(f"/user/usage/calls/{call.id}/charge")).status_code == 404
    assert (await client.get("/admin/usage/calls/nothing/charge")).status_code == 404
