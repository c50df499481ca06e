"""Prices of routes over time: kinds, the price list, changes to come and corrections of the past."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.integration.admin_api.test_catalog import COMPATIBLE, OPENAI, fresh_alias, put

from admin_api.catalog.price_list import price_list
from common.clock import utc_now
from common.events.subjects import catalog_key

ALL_KINDS = {
    "input": "3",
    "cached_input": "0.3",
    "cache_write": "3.75",
    "cache_write_1h": "6",
    "audio_input": "32",
    "image_input": "5",
    "output": "15",
    "reasoning": "16",
    "audio_output": "64",
    "image_output": "40",
    "character": "15",
    "second": "0.0001",
    "image": "0.04",
    "image:1024x1024": "0.05",
    "image:1024x1024:high": "0.167",
}


def in_time(**ahead: float) -> str:
    return (utc_now() + timedelta(**ahead)).isoformat()


async def new_route(admin: Any, **fields: Any) -> tuple[str, dict[str, Any]]:
    alias = fresh_alias()
    reply = await put(admin, alias, {**COMPATIBLE, **fields})
    assert reply.status_code == 201, reply.text
    return alias, reply.json()["routes"][0]


async def record(admin: Any, alias: str) -> dict[str, Any]:
    found: dict[str, Any] = (await admin.record("catalog", catalog_key(alias)))["routes"][0]
    return found


async def test_every_kind_has_its_price(admin: Any) -> None:
    alias, route = await new_route(admin, prices=ALL_KINDS)
    assert route["prices"] == ALL_KINDS
    sent = (await record(admin, alias))["prices"]
    assert (sent["cache_write"], sent["second"], sent["image:1024x1024:high"]) == (3_750_000_000, 10**11, 167 * 10**12)


async def test_null_is_no_price_and_zeros_at_the_end_are_no_change(admin: Any) -> None:
    _, route = await new_route(admin, prices={"input": "1.500", "output": None})
    assert route["prices"] == {"input": "1.5"}


async def test_prices_come_from_the_list_when_a_new_route_says_nothing(admin: Any) -> None:
    alias = fresh_alias()
    silent = {key: value for key, value in OPENAI.items() if key != "prices"}
    (route,) = (await put(admin, alias, silent)).json()["routes"]
    assert route["prices"] == {"input": "2.5", "cached_input": "1.25", "output": "10"}
    assert route["price_source"] == f"list {price_list().dated.isoformat()}"

    own = {"id": route["id"], **silent, "prices": {"input": "2"}}
    (changed,) = (await put(admin, alias, own)).json()["routes"]
    assert (changed["prices"], changed["price_source"]) == ({"input": "2"}, None)

    (kept,) = (await put(admin, alias, {"id": route["id"], **silent})).json()["routes"]
    assert (kept["prices"], kept["price_version"]) == ({"input": "2"}, changed["price_version"])

    (back,) = (await put(admin, alias, {"id": route["id"], **silent, "prices": None})).json()["routes"]
    assert (back["prices"], back["price_source"]) == (route["prices"], route["price_source"])


async def test_a_model_that_is_not_listed_has_no_prices(admin: Any) -> None:
    alias = fresh_alias()
    silent = {key: value for key, value in COMPATIBLE.items() if key != "prices"}
    (route,) = (await put(admin, alias, silent)).json()["routes"]
    assert (route["prices"], route["price_source"]) == ({}, None)


async def test_the_list_says_its_date_and_what_can_have_a_price(admin: Any) -> None:
    shown = (await (await admin.owner()).get("/admin/price-list")).json()
    assert shown["dated"] == price_list().dated.isoformat()
    assert {kind["name"] for kind in shown["kinds"]} == {kind for kind in ALL_KINDS if ":" not in kind}
    assert all(each["page"].startswith("https://") for each in shown["data"])


async def test_prices_to_come_reach_the_edge_before_they_are_in_force(admin: Any) -> None:
    owner = await admin.owner()
    alias, route = await new_route(admin, prices={"input": "1"})
    begins = in_time(days=3)
    path = f"/admin/routes/{route['id']}/prices"

    reply = await owner.post(path, json={"prices": {"input": "2", "output": "4.0"}, "effective_from": begins})

    assert reply.status_code == 201, reply.text
    added = reply.json()
    assert (added["state"], added["prices"]) == ("scheduled", {"input": "2", "output": "4"})
    sent = await record(admin, alias)
    assert (sent["prices"], sent["price_version"]) == ({"input": 10**9}, route["price_version"])
    (change,) = sent["price_changes"]
    assert (change["prices"], change["price_version"]) == ({"input": 2 * 10**9, "output": 4 * 10**9}, added["version"])
    assert datetime.fromisoformat(change["effective_from"]) == datetime.fromisoformat(begins)
    (shown,) = (await owner.get(f"/admin/model-catalog/{alias}")).json()["routes"]
    assert shown["prices"] == {"input": "1"}
    assert [each["version"] for each in shown["price_changes"]] == [added["version"]]
    history = (await owner.get(path)).json()["data"]
    assert [(each["state"], each["prices"]) for each in history] == [
        ("scheduled", {"input": "2", "output": "4"}),
        ("in_force", {"input": "1"}),
    ]


async def test_prices_to_come_can_be_taken_back_and_others_not(admin: Any) -> None:
    owner = await admin.owner()
    alias, route = await new_route(admin, prices={"input": "1"})
    path = f"/admin/routes/{route['id']}/prices"
    body = {"prices": {"input": "2"}, "effective_from": in_time(days=3)}
    version = (await owner.post(path, json=body)).json()["version"]

    in_force = await owner.delete(f"{path}/{route['price_version']}")
    taken_back = await owner.delete(f"{path}/{version}")
    again = await owner.delete(f"{path}/{version}")

    assert (in_force.status_code, in_force.json()["error"]["code"]) == (409, "in_force")
    assert (taken_back.status_code, again.status_code) == (204, 404)
    assert "price_changes" not in (sent := await record(admin, alias)) or sent["price_changes"] == []


async def test_the_past_can_be_corrected(admin: Any) -> None:
    owner = await admin.owner()
    alias, route = await new_route(admin, prices={"input": "1"})
    path = f"/admin/routes/{route['id']}/prices"

    added = (await owner.post(path, json={"prices": {"input": "7"}, "effective_from": "2026-01-01T00:00:00Z"})).json()
    assert added["state"] == "past"
    assert (await record(admin, alias))["price_version"] == route["price_version"]

    now = (await owner.post(path, json={"prices": {"input": "8"}})).json()
    assert now["state"] == "in_force"
    assert (await record(admin, alias))["price_version"] == now["version"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prices"),
        ({"prices": {"tokens": "1"}}, "prices.tokens"),
        ({"prices": {"input": "1"}, "effective_from": "1999-12-31T00:00:00Z"}, "effective_from"),
        ({"prices": {"input": "1"}, "effective_from": "2026-12-31T00:00:00"}, "effective_from"),
        ({"prices": {"input": "1"}, "effective_from": "2200-01-01T00:00:00Z"}, "effective_from"),
        ({"prices": {"image:1x1:x:y": "1"}}, "prices.image:1x1:x:y"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place(admin: Any, body: dict[str, Any], param: str) -> None:
    _, route = await new_route(admin)
    reply = await (await admin.owner()).post(f"/admin/routes/{route['id']}/prices", json=body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)


async def test_a_route_that_is_not_there(admin: Any) -> None:
    owner = await admin.owner()
    path = f"/admin/routes/rte_{'0' * 32}/prices"
    assert (await owner.get(path)).status_code == 404
    assert (await owner.post(path, json={"prices": {}})).status_code == 404
    assert (await owner.delete(f"{path}/prc_{'0' * 32}")).status_code == 404


async def test_not_too_many_changes_are_scheduled(admin: Any) -> None:
    owner = await admin.owner()
    _, route = await new_route(admin)
    path = f"/admin/routes/{route['id']}/prices"
    for day in range(20):
        body = {"prices": {"input": str(day)}, "effective_from": in_time(days=day + 1)}
        assert (await owner.post(path, json=body)).status_code == 201
    reply = await owner.post(path, json={"prices": {}, "effective_from": in_time(days=30)})
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "too_many")


async def test_a_route_whose_credential_cannot_be_opened_is_broken_and_the_others_are_not(admin: Any) -> None:
    owner = await admin.owner()
    alias = fresh_alias()
    first, second = (await put(admin, alias, OPENAI, OPENAI)).json()["routes"]
    assert (first["broken"], second["broken"]) == (None, None)
    await admin.execute(
        "UPDATE control.routes SET credential = (SELECT credential FROM control.routes WHERE id = $2) WHERE id = $1",
        first["id"],
        second["id"],
    )
    shown = (await owner.get(f"/admin/model-catalog/{alias}")).json()["routes"]
    assert "cannot be opened" in shown[0]["broken"]
    assert shown[1]["broken"] is None
