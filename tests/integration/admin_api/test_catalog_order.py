"""In which order the edge tries: priorities and weights of routes, and the aliases to fall back to."""

import asyncio
import secrets
from typing import Any

import pytest

from common.events.subjects import catalog_key

ROUTE = {"provider": "openai-compatible", "model": "m", "base_url": "http://127.0.0.1:4321/v1", "prices": {}}
KINDS = ("fallbacks", "context_length_fallbacks", "content_filter_fallbacks")
NO_FALLBACKS: dict[str, list[str]] = {kind: [] for kind in KINDS}


async def put(admin: Any, alias: str, *routes: dict[str, Any], **fields: Any) -> Any:
    owner = await admin.owner()
    return await owner.put(f"/admin/model-catalog/{alias}", json={"routes": list(routes) or [ROUTE], **fields})


async def fresh(admin: Any, **fields: Any) -> str:
    """A new alias."""
    alias = f"team/order-{secrets.token_hex(4)}"
    reply = await put(admin, alias, **fields)
    assert reply.status_code == 201, reply.text
    return alias


async def record(admin: Any, alias: str) -> dict[str, Any]:
    found: dict[str, Any] = await admin.record("catalog", catalog_key(alias))
    return found


def order(content: dict[str, Any]) -> list[tuple[int, int]]:
    return [(route["priority"], route["weight"]) for route in content["routes"]]


async def test_priorities_and_weights_are_in_force_when_the_call_returns(admin: Any) -> None:
    alias = await fresh(admin)
    assert order(await record(admin, alias)) == [(0, 1)]

    reply = await put(admin, alias, {**ROUTE, "priority": 1, "weight": 1000}, {**ROUTE, "weight": 3}, ROUTE)

    assert order(reply.json()) == order(await record(admin, alias)) == [(1, 1000), (0, 3), (0, 1)]


async def test_what_is_left_out_of_a_route_stays(admin: Any) -> None:
    alias = await fresh(admin)
    route = (await put(admin, alias, {**ROUTE, "priority": 4, "weight": 20})).json()["routes"][0]

    unchanged = await put(admin, alias, {**ROUTE, "id": route["id"]})
    moved = await put(admin, alias, {**ROUTE, "id": route["id"], "priority": 0})

    assert order(unchanged.json()) == [(4, 20)]
    assert order(moved.json()) == order(await record(admin, alias)) == [(0, 20)]


@pytest.mark.parametrize("kind", KINDS)
async def test_fallbacks_are_in_force_when_the_call_returns(admin: Any, kind: str) -> None:
    first, second, alias = await fresh(admin), await fresh(admin, enabled=False), await fresh(admin)
    assert {name: (await record(admin, alias))[name] for name in KINDS} == NO_FALLBACKS

    reply = await put(admin, alias, **{kind: [second, first, second]})

    expected = {**NO_FALLBACKS, kind: [second, first]}
    assert reply.status_code == 200
    assert {name: reply.json()[name] for name in KINDS} == expected
    assert {name: (await record(admin, alias))[name] for name in KINDS} == expected
    assert (await put(admin, alias)).json()[kind] == [second, first], "left out means unchanged"
    assert (await put(admin, alias, **{kind: []})).json()[kind] == []
    assert (await record(admin, alias))[kind] == []


@pytest.mark.parametrize("kind", KINDS)
async def test_fallbacks_must_exist_and_not_lead_back(admin: Any, kind: str) -> None:
    last = await fresh(admin)
    middle = await fresh(admin, **{kind: [last]})
    first = await fresh(admin, **{kind: [middle]})
    before = await record(admin, last)

    for wanted, code in ((first, "fallback_cycle"), (last, "fallback_cycle"), ("no-such-model", "unknown_model")):
        reply = await put(admin, last, **{kind: [wanted]})
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, code)
        assert reply.json()["error"]["param"] == f"{kind}.0"
    unknown = await put(admin, f"new-{secrets.token_hex(4)}", **{kind: ["no-such-model"]})
    assert unknown.status_code == 400
    assert (await (await admin.owner()).get(f"/admin/model-catalog/{last}")).json()[kind] == []
    assert await record(admin, last) == before


async def test_a_small_model_and_a_large_one_may_stand_in_for_each_other(admin: Any) -> None:
    """Where the prompt is too long for the small one, and where the large one is away."""
    small = await fresh(admin)
    large = await fresh(admin, fallbacks=[small])

    reply = await put(admin, small, context_length_fallbacks=[large])

    assert reply.status_code == 200


async def test_an_alias_that_others_fall_back_to_is_not_removed(admin: Any) -> None:
    owner, target = await admin.owner(), await fresh(admin)
    user = await fresh(admin, content_filter_fallbacks=[target])

    refused = await owner.delete(f"/admin/model-catalog/{target}")

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "in_use")
    assert user in refused.json()["error"]["message"]
    assert await record(admin, target) is not None
    assert (await owner.delete(f"/admin/model-catalog/{user}")).status_code == 204
    assert (await owner.delete(f"/admin/model-catalog/{target}")).status_code == 204


async def test_two_changes_at_once_make_no_circle(admin: Any) -> None:
    for _ in range(5):
        one, other = await fresh(admin), await fresh(admin)

        replies = await asyncio.gather(put(admin, one, fallbacks=[other]), put(admin, other, fallbacks=[one]))

        assert sorted(reply.status_code for reply in replies) == [200, 400]


@pytest.mark.parametrize(
    ("wanted", "param"),
    [(["x"] * 6, "fallbacks"), (["a b"], "fallbacks.0"), ("x", "fallbacks"), ([None], "fallbacks.0")],
)
async def test_wrong_fallbacks_are_refused_with_the_field(admin: Any, wanted: Any, param: str) -> None:
    alias = await fresh(admin)

    reply = await put(admin, alias, fallbacks=wanted)

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
