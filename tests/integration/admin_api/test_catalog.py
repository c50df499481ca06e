"""The model catalog: aliases, routes, prices, and credentials that go in and never come out."""

import secrets
from typing import Any
from urllib.parse import quote

import pytest

from common.events.control import route_credential_purpose
from common.events.subjects import catalog_key

PRICES = {"input": "0.05", "cached_input": "0.025", "output": "0.10"}
COMPATIBLE = {
    "provider": "openai-compatible",
    "model": "smollm2-135m",
    "base_url": "http://127.0.0.1:4321/v1/",
    "prices": PRICES,
}
OPENAI = {"provider": "openai", "model": "gpt-4o", "credential": "sk-upstream-secret", "prices": PRICES}


def fresh_alias() -> str:
    return f"team/model-{secrets.token_hex(4)}:v1"


async def put(admin: Any, alias: str, *routes: dict[str, Any], **fields: Any) -> Any:
    owner = await admin.owner()
    return await owner.put(f"/admin/model-catalog/{alias}", json={"routes": list(routes), **fields})


async def test_a_new_alias_is_in_force_when_the_call_returns(admin: Any) -> None:
    alias = fresh_alias()

    reply = await put(admin, alias, COMPATIBLE, OPENAI)

    assert reply.status_code == 201
    model = reply.json()
    assert (model["alias"], model["enabled"]) == (alias, True)
    first, second = model["routes"]
    assert first["base_url"] == "http://127.0.0.1:4321/v1"
    assert second["base_url"] == "https://api.openai.com/v1"
    assert [route["has_credential"] for route in model["routes"]] == [False, True]
    assert first["prices"] == {"input": "0.05", "cached_input": "0.025", "output": "0.1"}
    record = await admin.record("catalog", catalog_key(alias))
    assert (record["alias"], [route["id"] for route in record["routes"]]) == (alias, [first["id"], second["id"]])
    assert record["routes"][0]["prices"] == {"input": 50_000_000, "cached_input": 25_000_000, "output": 100_000_000}
    assert record["routes"][0]["credential"] is None
    sealed = record["routes"][1]["credential"]
    assert admin.sealer.open(sealed, purpose=route_credential_purpose(second["id"])) == "sk-upstream-secret"


async def test_an_alias_can_be_read_listed_and_removed(admin: Any) -> None:
    owner, alias = await admin.owner(), fresh_alias()
    model = (await put(admin, alias, COMPATIBLE)).json()

    read = await owner.get(f"/admin/model-catalog/{alias}")
    quoted = await owner.get(f"/admin/model-catalog/{quote(alias, safe='')}")
    listed = (await owner.get("/admin/model-catalog", params={"limit": 1})).json()["data"]
    removed = await owner.delete(f"/admin/model-catalog/{alias}")

    assert read.json() == quoted.json() == model
    assert listed == [model]
    assert removed.status_code == 204
    assert await admin.record("catalog", catalog_key(alias)) is None
    assert (await owner.get(f"/admin/model-catalog/{alias}")).status_code == 404
    assert (await owner.delete(f"/admin/model-catalog/{alias}")).status_code == 404


async def test_a_credential_is_in_no_reply_and_not_in_the_database(admin: Any) -> None:
    owner, alias, secret = await admin.owner(), fresh_alias(), f"sk-{secrets.token_hex(12)}"
    replies = [await put(admin, alias, {**OPENAI, "credential": secret})]
    replies.append(await owner.get(f"/admin/model-catalog/{alias}"))
    replies.append(await owner.get("/admin/model-catalog"))

    rows = await admin.execute(
        "SELECT r::text AS t FROM control.routes r UNION ALL SELECT convert_from(payload, 'UTF8') FROM control.outbox"
    )

    assert not any(secret in reply.text for reply in replies)
    assert not any(secret in row["t"] for row in rows)


async def test_a_credential_is_kept_changed_or_removed(admin: Any) -> None:
    alias = fresh_alias()
    route = (await put(admin, alias, {**COMPATIBLE, "credential": "one"})).json()["routes"][0]

    async def credential_after(**fields: Any) -> str | None:
        reply = await put(admin, alias, {**COMPATIBLE, "id": route["id"], **fields})
        assert reply.status_code == 200, reply.text
        assert reply.json()["routes"][0]["id"] == route["id"]
        record = await admin.record("catalog", catalog_key(alias))
        sealed = record["routes"][0]["credential"]
        assert reply.json()["routes"][0]["has_credential"] is (sealed is not None)
        if sealed is None:
            return None
        opened: str = admin.sealer.open(sealed, purpose=route_credential_purpose(route["id"]))
        return opened

    assert await credential_after(model="other") == "one"
    assert await credential_after(base_url="http://127.0.0.1:4321/v2") == "one"
    assert await credential_after(credential="two") == "two"
    assert await credential_after(credential=None) is None
    assert await credential_after() is None


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "http://evil.example/v1"},
        {"base_url": "https://127.0.0.1:4321/v1"},
        {"base_url": "http://127.0.0.1:9999/v1"},
        {"provider": "openai"},
    ],
)
async def test_a_kept_credential_is_not_sent_somewhere_else(admin: Any, change: dict[str, str]) -> None:
    alias = fresh_alias()
    model = (await put(admin, alias, {**COMPATIBLE, "credential": "one"})).json()

    reply = await put(admin, alias, {**COMPATIBLE, "id": model["routes"][0]["id"], **change})

    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "credential_required"
    assert (await (await admin.owner()).get(f"/admin/model-catalog/{alias}")).json() == model


async def test_a_price_version_changes_with_the_prices_and_only_then(admin: Any) -> None:
    alias = fresh_alias()
    route = (await put(admin, alias, COMPATIBLE)).json()["routes"][0]

    async def version_after(**fields: Any) -> str:
        reply = await put(admin, alias, {**COMPATIBLE, "id": route["id"], **fields})
        version: str = reply.json()["routes"][0]["price_version"]
        return version

    assert route["price_version"].startswith("prc_")
    assert await version_after(model="other") == route["price_version"]
    assert await version_after(prices={**PRICES, "output": "0.100000"}) == route["price_version"]
    changed = await version_after(prices={**PRICES, "output": "0.11"})
    assert changed != route["price_version"]
    assert await version_after(prices={"input": "0.05"}) not in {changed, route["price_version"]}


async def test_routes_change_places_come_and_go(admin: Any) -> None:
    alias = fresh_alias()
    first = (await put(admin, alias, COMPATIBLE, {**COMPATIBLE, "model": "b"}, {**COMPATIBLE, "model": "c"})).json()
    a, b, c = (route["id"] for route in first["routes"])

    reply = await put(
        admin,
        alias,
        {**COMPATIBLE, "id": c, "model": "c"},
        {**COMPATIBLE, "model": "new"},
        {**COMPATIBLE, "id": a},
    )

    assert reply.status_code == 200
    assert [route["model"] for route in reply.json()["routes"]] == ["c", "new", "smollm2-135m"]
    assert [route["id"] for route in reply.json()["routes"]][::2] == [c, a]
    record = await admin.record("catalog", catalog_key(alias))
    assert [route["id"] for route in record["routes"]] == [route["id"] for route in reply.json()["routes"]]
    assert b not in str(record)


async def test_a_disabled_alias_is_not_served_and_comes_back(admin: Any) -> None:
    alias = fresh_alias()
    await put(admin, alias, COMPATIBLE)

    disabled = await put(admin, alias, COMPATIBLE, enabled=False)
    assert disabled.json()["enabled"] is False
    assert await admin.record("catalog", catalog_key(alias)) is None

    still = await put(admin, alias, COMPATIBLE)
    assert still.json()["enabled"] is False, "left out means unchanged"
    enabled = await put(admin, alias, COMPATIBLE, enabled=True)
    assert enabled.json()["enabled"] is True
    assert await admin.record("catalog", catalog_key(alias)) is not None


@pytest.mark.parametrize(
    ("route", "param"),
    [
        ({**COMPATIBLE, "provider": "nobody"}, "routes.0.provider"),
        ({**COMPATIBLE, "base_url": None}, "routes.0.base_url"),
        ({**COMPATIBLE, "base_url": "ftp://x/v1"}, "routes.0.base_url"),
        ({**COMPATIBLE, "base_url": "http://u:p@x/v1"}, "routes.0.base_url"),
        ({**COMPATIBLE, "base_url": "http://x/v1?key=1"}, "routes.0.base_url"),
        ({**COMPATIBLE, "base_url": "http://x:99999/v1"}, "routes.0.base_url"),
        ({**COMPATIBLE, "base_url": "http://[::1/v1"}, "routes.0.base_url"),
        ({**COMPATIBLE, "base_url": "http://x\u0000/v1"}, "routes.0.base_url"),
        ({**COMPATIBLE, "model": ""}, "routes.0.model"),
        ({**COMPATIBLE, "model": "a\u0000"}, "routes.0.model"),
        ({**COMPATIBLE, "credential": ""}, "routes.0.credential"),
        ({**COMPATIBLE, "credential": "a\r\nx-evil: 1"}, "routes.0.credential"),
        ({**OPENAI, "credential": None}, "routes.0.credential"),
        ({"provider": "openai", "model": "gpt-4o", "prices": PRICES}, "routes.0.credential"),
        ({**COMPATIBLE, "prices": {"input": 0.05}}, "routes.0.prices.input"),
        ({**COMPATIBLE, "prices": {"input": "-1"}}, "routes.0.prices.input"),
        ({**COMPATIBLE, "prices": {"input": "1e3"}}, "routes.0.prices.input"),
        ({**COMPATIBLE, "prices": {"input": "1000001"}}, "routes.0.prices.input"),
        ({**COMPATIBLE, "prices": {"input": "0.0000000001"}}, "routes.0.prices.input"),
        ({**COMPATIBLE, "prices": {"input": "NaN"}}, "routes.0.prices.input"),
        ({**COMPATIBLE, "prices": {"input": "٣"}}, "routes.0.prices.input"),
        ({**COMPATIBLE, "prices": {"images": "1"}}, "routes.0.prices.images"),
        ({**COMPATIBLE, "priority": -1}, "routes.0.priority"),
        ({**COMPATIBLE, "priority": 101}, "routes.0.priority"),
        ({**COMPATIBLE, "priority": "1"}, "routes.0.priority"),
        ({**COMPATIBLE, "weight": 0}, "routes.0.weight"),
        ({**COMPATIBLE, "weight": 1001}, "routes.0.weight"),
        ({**COMPATIBLE, "weight": 1.5}, "routes.0.weight"),
        ({**COMPATIBLE, "id": "rte_" + "0" * 32}, "routes.0.id"),
        ({**COMPATIBLE, "id": "\u0000"}, "routes.0.id"),
    ],
)
async def test_a_wrong_route_is_refused_with_the_field(admin: Any, route: dict[str, Any], param: str) -> None:
    alias = fresh_alias()

    reply = await put(admin, alias, route)

    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param
    assert (await (await admin.owner()).get(f"/admin/model-catalog/{alias}")).status_code == 404


@pytest.mark.parametrize("routes", [[], [COMPATIBLE] * 33])
async def test_an_alias_has_some_routes_and_not_too_many(admin: Any, routes: list[dict[str, Any]]) -> None:
    assert (await put(admin, fresh_alias(), *routes)).status_code == 400


async def test_the_largest_alias_there_can_be_is_put_in_force(admin: Any) -> None:
    large = {
        **COMPATIBLE,
        "model": "m" * 200,
        "base_url": "http://127.0.0.1/" + "p" * 980,
        "credential": "c" * 4000,
    }
    alias = "a" * 200

    reply = await put(admin, alias, *[large] * 32)

    assert reply.status_code == 201
    assert len((await admin.record("catalog", catalog_key(alias)))["routes"]) == 32


async def test_one_route_cannot_be_named_twice(admin: Any) -> None:
    alias = fresh_alias()
    route_id = (await put(admin, alias, COMPATIBLE)).json()["routes"][0]["id"]

    reply = await put(admin, alias, {**COMPATIBLE, "id": route_id}, {**COMPATIBLE, "id": route_id})

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "routes.1.id")


async def test_a_route_of_another_alias_cannot_be_taken_with_its_credential(admin: Any) -> None:
    other = (await put(admin, fresh_alias(), {**COMPATIBLE, "credential": "one"})).json()

    reply = await put(admin, fresh_alias(), {**COMPATIBLE, "id": other["routes"][0]["id"]})

    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "unknown_route")


@pytest.mark.parametrize("alias", ["a b", "-x", "a//b", "a/", "x" * 201, "%00", "%C3%A9", "a%0Ab", "%2e%2e/x"])
async def test_an_impossible_alias_is_refused(admin: Any, alias: str) -> None:
    owner = await admin.owner()

    assert (await put(admin, alias, COMPATIBLE)).status_code in {400, 404, 405}
    assert (await owner.get(f"/admin/model-catalog/{alias}")).status_code == 404
    assert (await owner.delete(f"/admin/model-catalog/{alias}")).status_code in {404, 405}


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "localhost", "2130706433"])
async def test_private_addresses_are_refused_where_they_are_not_allowed(
    start_admin: Any, nats_url: str, address: str
) -> None:
    admin = await start_admin(nats_url=nats_url, allow_private_upstreams=False)

    reply = await put(admin, fresh_alias(), {**COMPATIBLE, "base_url": f"http://{address}/v1"})

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "routes.0.base_url"


async def test_the_list_is_paged_newest_first(admin: Any) -> None:
    owner = await admin.owner()
    aliases = [fresh_alias() for _ in range(3)]
    for alias in aliases:
        await put(admin, alias, COMPATIBLE)

    first = (await owner.get("/admin/model-catalog", params={"limit": 2})).json()
    second = (await owner.get("/admin/model-catalog", params={"limit": 1, "cursor": first["next_cursor"]})).json()

    assert [model["alias"] for model in first["data"] + second["data"]] == aliases[::-1]


async def test_providers_and_gateway_are_what_the_portal_shows(admin: Any) -> None:
    owner = await admin.owner()

    providers = (await owner.get("/admin/providers")).json()["data"]
    gateway = (await owner.get("/admin/gateway")).json()

    assert [(each["name"], each["default_base_url"], each["needs_credential"]) for each in providers] == [
        ("openai", "https://api.openai.com/v1", True),
        ("openai-compatible", None, False),
    ]
    assert gateway["base_url"] == "https://gateway.example"
    assert gateway["version"]
