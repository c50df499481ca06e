"""Things beside each other by the day, days by what they consist of, and what a person sees of it."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from admin_api.ledger import service as ledger
from admin_api.usage import service
from admin_api.usage.calls import CallFilter
from admin_api.usage.filters import EVERYTHING
from common.db.engine import Sessions
from common.testing.usage_events import usage_event

pytestmark = pytest.mark.data_layer

OWNER = "usr_" + "1" * 32
_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def calls(sessions: Sessions) -> None:
    """Two days: one and two calls of the first tenant, three of the second on the last day, and one of a tenant that is gone."""

    def call(name: str, moment: datetime, alias: str, **fields: Any) -> Any:
        return usage_event(time=moment, tenant_id=f"tnt_{name}", key_id=f"key_{name}", alias=alias, **fields)

    events = [
        call("one", _NOON, "demo", cost_nano_usd="1000"),
        call("one", _NOON + _DAY, "demo", cost_nano_usd="2000", status="failed"),
        call("one", _NOON + _DAY, "large", cost_nano_usd="4000", tags={"team": "=SUM(1)"}),
        *(call("two", _NOON + _DAY, "large", cost_nano_usd="10") for _ in range(3)),
        call("gone", _NOON, "demo", cost_nano_usd="7"),
    ]
    await ledger.record_usage(sessions, events)


_RANGE = {"start": "2026-11-20T00:00:00Z", "end": "2026-11-22T00:00:00Z"}


def by_id(body: dict[str, Any]) -> dict[str, tuple[str, str, str, list[int]]]:
    return {
        each["id"]: (
            each["kind"],
            each["label"],
            each["totals"]["cost_nano_usd"],
            [point["requests"] for point in each["points"]],
        )
        for each in body["series"]
    }


async def test_tenants_models_and_users_beside_each_other(client: httpx.AsyncClient) -> None:
    asked = {"tenant_ids": "tnt_one, tnt_two,tnt_none", "model_aliases": "demo", "user_ids": OWNER}

    body = (await client.get("/admin/usage/compare", params=_RANGE | asked)).json()

    assert by_id(body) == {
        "tnt_one": ("tenant", "One", "7000", [1, 2]),
        "tnt_two": ("tenant", "Two", "30", [0, 3]),
        "tnt_none": ("tenant", "tnt_none", "0", [0, 0]),
        OWNER: ("user", "Owen", "7000", [1, 2]),
        "demo": ("model", "demo", "3007", [2, 1]),
    }
    assert [point["start"] for point in body["series"][0]["points"]] == [
        "2026-11-20T00:00:00Z",
        "2026-11-21T00:00:00Z",
    ]


async def test_points_are_days_of_the_zone_also_in_a_short_range(client: httpx.AsyncClient) -> None:
    asked = {"tenant_ids": "tnt_one", "timezone": "Pacific/Auckland"}  # 13 hours ahead: noon is the day after

    body = (await client.get("/admin/usage/compare", params=_RANGE | asked)).json()

    assert [(point["start"], point["requests"]) for point in body["series"][0]["points"]] == [
        ("2026-11-20T00:00:00Z", 0),
        ("2026-11-20T11:00:00Z", 1),
        ("2026-11-21T11:00:00Z", 2),
    ]


async def test_without_a_range_it_is_thirty_days_and_a_range_counts_before_a_period(client: httpx.AsyncClient) -> None:
    month = (await client.get("/admin/usage/compare", params={"model_aliases": "demo"})).json()
    both = (await client.get("/admin/usage/compare", params={"model_aliases": "demo", "period": "7d"} | _RANGE)).json()

    assert len(month["series"][0]["points"]) == 30
    assert (both["start"], both["end"]) == ("2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z")


@pytest.mark.parametrize("door", ["admin", "user"])
@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("", "tenant_ids"),
        ("model_aliases=" + ",".join(f"m{n}" for n in range(11)), "tenant_ids"),
        ("model_aliases=demo&start=2026-01-01T00:00:00Z", "end"),
        ("model_aliases=demo&start=2026-01-01T00:00:00Z&end=2026-06-30T00:00:01Z", "end"),
        ("model_aliases=demo&timezone=Nowhere", "timezone"),
    ],
)
async def test_what_cannot_be_compared_is_refused(
    client: httpx.AsyncClient, owen: httpx.AsyncClient, door: str, query: str, param: str
) -> None:
    reply = await {"admin": client, "user": owen}[door].get(f"/{door}/usage/compare?{query}")

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


async def test_ten_are_as_many_as_can_be_compared_and_180_days_as_long(client: httpx.AsyncClient) -> None:
    query = {
        "model_aliases": ",".join(f"m{n}" for n in range(9)),
        "tenant_ids": "tnt_one",
        "start": "2026-01-01T00:00:00Z",
        "end": "2026-06-30T00:00:00Z",
    }

    body = (await client.get("/admin/usage/compare", params=query)).json()

    assert [len(each["points"]) for each in body["series"]] == [180] * 10


async def test_days_and_what_they_consist_of(client: httpx.AsyncClient) -> None:
    query = _RANGE | {"tenant_id": "tnt_one", "split": "model"}

    body = (await client.get("/admin/usage/daily", params=query)).json()

    assert [
        (day["start"], day["totals"]["cost_nano_usd"], [(item["id"], item["requests"]) for item in day["items"]])
        for day in body["days"]
    ] == [
        ("2026-11-20T00:00:00Z", "1000", [("demo", 1)]),
        ("2026-11-21T00:00:00Z", "6000", [("large", 1), ("demo", 1)]),
    ]


@pytest.mark.parametrize(
    ("filters", "costs"),
    [
        ({"model_alias": "demo"}, ["1007", "2000"]),
        ({"key_id": "key_two"}, ["0", "30"]),
        ({"user_id": OWNER}, ["1000", "6000"]),
    ],
)
async def test_days_of_one_thing(client: httpx.AsyncClient, filters: dict[str, str], costs: list[str]) -> None:
    body = (await client.get("/admin/usage/daily", params=_RANGE | filters | {"split": "tenant"})).json()

    assert [day["totals"]["cost_nano_usd"] for day in body["days"]] == costs


@pytest.mark.parametrize("scope", ["all", "personal", "tnt_one"])
async def test_a_person_sees_their_own_tenants_and_nothing_else(owen: httpx.AsyncClient, scope: str) -> None:
    given = _RANGE | {"scope": scope}

    summary = (await owen.get("/user/usage/summary", params=given)).json()
    breakdown = (await owen.get("/user/usage/breakdown", params=given | {"group": "tenant"})).json()
    compared = (await owen.get("/user/usage/compare", params=given | {"model_aliases": "large,demo"})).json()
    daily = (await owen.get("/user/usage/daily", params=given | {"split": "tenant"})).json()
    calls = (await owen.get("/user/usage/calls", params={"scope": scope})).json()

    assert summary["totals"]["cost_nano_usd"] == "7000"
    assert [item["id"] for item in breakdown["items"]] == ["tnt_one"]
    assert {each["id"]: each["totals"]["cost_nano_usd"] for each in compared["series"]} == {
        "large": "4000",
        "demo": "3000",
    }
    assert {item["id"] for day in daily["days"] for item in day["items"]} == {"tnt_one"}
    assert {call["tenant_id"] for call in calls["data"]} == {"tnt_one"}


async def test_the_tenant_of_others_is_not_there(owen: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    (foreign,) = (await client.get("/admin/usage/calls", params={"tenant_id": "tnt_gone"})).json()["data"]

    replies = [
        await owen.get("/user/usage/summary", params={"scope": "tnt_two"}),
        await owen.get("/user/usage/compare", params={"tenant_ids": "tnt_one,tnt_two"}),
        await owen.get("/user/usage/calls", params={"tenant_id": "tnt_two"}),
        await owen.get(f"/user/usage/calls/{foreign['id']}"),
        await owen.get("/user/usage/costs/export", params={"scope": "tnt_two"}),
    ]

    assert [reply.status_code for reply in replies] == [404] * 5


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"status": "failed"}, 1),
        ({"alias": "large"}, 4),
        ({"user_id": OWNER}, 3),
        ({"tag": "team==SUM(1)"}, 1),
        ({"tag": "team=other"}, 0),
        ({"provider": "openai-compatible"}, 7),
        ({"provider": "other"}, 0),
        ({"start": "2026-11-21T00:00:00Z", "end": "2026-11-22T00:00:00Z"}, 5),
    ],
)
async def test_calls_are_found_by_what_they_are(client: httpx.AsyncClient, filters: dict[str, str], count: int) -> None:
    listed = (await client.get("/admin/usage/calls", params=filters)).json()["data"]
    exported = await client.get("/admin/usage/calls/export", params=filters)

    assert len(listed) == count
    assert len(list(csv.reader(io.StringIO(exported.text)))) == count + 1


async def test_one_call_with_the_lines_of_its_bill(client: httpx.AsyncClient, owen: httpx.AsyncClient) -> None:
    (listed,) = (await client.get("/admin/usage/calls", params={"status": "failed"})).json()["data"]

    for reply in (
        await client.get(f"/admin/usage/calls/{listed['id']}"),
        await owen.get(f"/user/usage/calls/{listed['id']}"),
    ):
        assert reply.json() == listed
    assert {line["kind"] for line in listed["lines"]} == {"input", "output"}
    assert (await client.get("/admin/usage/calls/nothing")).status_code == 404


async def test_calls_as_csv_have_no_cell_that_a_spreadsheet_runs(client: httpx.AsyncClient) -> None:
    reply = await client.get("/admin/usage/calls/export", params={"tenant_id": "tnt_one"})

    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert reply.headers["content-type"].startswith("text/csv")
    assert (rows[0]["alias"], rows[0]["cost_nano_usd"], rows[0]["tenant_name"]) == ("demo", "1000", "One")
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


async def test_costs_in_the_columns_of_focus_add_up(client: httpx.AsyncClient) -> None:
    reply = await client.get("/admin/usage/costs/export", params=_RANGE)

    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert [
        (
            row["ChargePeriodStart"],
            row["SubAccountName"],
            row["ServiceName"],
            row["BilledCost"],
            row["ConsumedQuantity"],
        )
        for row in rows
    ] == [
        ("2026-11-20T12:00:00Z", "tnt_gone", "demo", "0.000000007", "1"),
        ("2026-11-20T12:00:00Z", "One", "demo", "0.000001", "1"),
        ("2026-11-21T12:00:00Z", "One", "demo", "0.000002", "1"),
        ("2026-11-21T12:00:00Z", "One", "large", "0.000004", "1"),
        ("2026-11-21T12:00:00Z", "Two", "large", "0.00000003", "3"),
    ]
    assert {row["BillingPeriodEnd"] for row in rows} == {"2026-12-01T00:00:00Z"}
    assert {row["ChargeCategory"] for row in rows} == {"Usage"}


async def test_downloads_at_once_do_not_wait_for_each_other(sessions: Sessions, engine: AsyncEngine) -> None:
    """One connection each: with two, as many downloads as the pool has connections would all wait for a second one."""
    files = []

    async def begin(wanted: CallFilter) -> None:
        lines = service.each_call(sessions, wanted)
        files.append((await anext(lines)).tenant_name)
        await lines.aclose()  # type: ignore[attr-defined]

    pool = engine.pool.size()  # type: ignore[attr-defined]
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for _ in range(4 * pool):
            group.create_task(begin(CallFilter(scope=EVERYTHING, tenant_id="tnt_one")))

    assert files == ["One"] * 4 * pool


async def test_a_download_of_a_foreign_tenant_is_refused(owen: httpx.AsyncClient) -> None:
    reply = await owen.get("/user/usage/calls/export", params={"tenant_id": "tnt_two"})
    assert (reply.status_code, reply.json()["error"]["message"]) == (404, "There is no such tenant.")
