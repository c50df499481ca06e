"""When the routes of a bootstrap document are already there, and whose ids new ones take over."""

from typing import Any

import pytest

from admin_api.bootstrap.domain import are_same, take_over_ids
from admin_api.catalog.domain import KEEP, WantedRoute


def route(**fields: Any) -> WantedRoute:
    return WantedRoute(
        **{
            "id": None,
            "provider": "openai-compatible",
            "model": "m",
            "base_url": "http://x/v1",
            "credential": None,
            "prices": {"input": "0.1"},
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("wanted", "existing"),
    [
        (route(), route(id="rte_1")),
        (route(base_url="http://x/v1/"), route()),
        (route(credential=KEEP), route()),
        (route(provider="openai", base_url=None), route(provider="openai", base_url="https://api.openai.com/v1")),
        (route(prices={"input": "0.1"}), route()),
        (route(), route(priority=2, weight=7)),
        (route(weight=7), route(priority=2, weight=7)),
    ],
)
def test_routes_that_are_the_same(wanted: WantedRoute, existing: WantedRoute) -> None:
    assert are_same([wanted], [existing])


@pytest.mark.parametrize(
    "existing",
    [
        [],
        [route(), route()],
        [route(model="other")],
        [route(base_url="http://x:81/v1")],
        [route(credential="c")],
        [route(credential="")],
        [route(priority=1, weight=2), route(priority=1, weight=2)],
        [route(prices={"input": "0.1", "cached_input": "0.1"})],
    ],
)
def test_routes_that_differ(existing: list[WantedRoute]) -> None:
    assert not are_same([route()], existing)


@pytest.mark.parametrize("wanted", [{"priority": 1}, {"weight": 3}, {"priority": 0, "weight": 1}])
def test_another_order_or_share_is_a_difference(wanted: dict[str, int]) -> None:
    assert not are_same([route(**wanted)], [route(priority=0, weight=2)])


def test_ids_are_taken_over_place_by_place() -> None:
    wanted = [route(model="a"), route(model="b"), route(model="c")]

    two = take_over_ids(wanted, [route(id="rte_1"), route(id="rte_2")])
    none = take_over_ids(wanted, [])
    more = take_over_ids(wanted[:1], [route(id="rte_1"), route(id="rte_2")])

    assert [each.id for each in two] == ["rte_1", "rte_2", None]
    assert [each.id for each in none] == [None, None, None]
    assert [each.id for each in more] == ["rte_1"]
