"""Rules of the catalog: aliases, and how wanted routes follow from existing ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin_api.catalog.domain import (
    KEEP,
    ExistingRoute,
    PlannedRoute,
    WantedRoute,
    check_fallbacks,
    is_alias,
    plan_routes,
)
from common.events.subjects import catalog_alias, catalog_key
from common.http.errors import InvalidRequestError

PRICES = {"input": "0.05", "output": "0.1"}
URL = "https://llm.example/v1"


def wanted(**fields: Any) -> WantedRoute:
    return WantedRoute(
        **{
            "id": None,
            "provider": "openai-compatible",
            "model": "m",
            "base_url": URL,
            "credential": KEEP,
            "prices": PRICES,
            **fields,
        }
    )


def existing(**fields: Any) -> ExistingRoute:
    return ExistingRoute(
        **{
            "id": "rte_1",
            "provider": "openai-compatible",
            "base_url": URL,
            "has_credential": True,
            "prices": PRICES,
            **fields,
        }
    )


def plan(wish: WantedRoute, *routes: ExistingRoute) -> PlannedRoute:
    (planned,) = plan_routes([wish], routes)
    return planned


@pytest.mark.parametrize(
    "alias", ["demo", "gpt-4o", "meta-llama/Llama-3.1-8B", "ft:gpt-4o:org::id", "a@b+c_d.e", "1", "x" * 200]
)
def test_aliases(alias: str) -> None:
    assert is_alias(alias)


@pytest.mark.parametrize(
    "alias",
    ["", " ", "a b", "/a", "a/", "a//b", "../a", "a/..", ".a", "-a", "a\n", "é", "a\u0000", "x" * 201, "a?b", "a#b"],
)
def test_what_is_no_alias(alias: str) -> None:
    assert not is_alias(alias)


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,40}(/[A-Za-z0-9][A-Za-z0-9._:@+-]{0,40}){0,2}", fullmatch=True))
def test_every_alias_has_a_bucket_key_of_its_own(alias: str) -> None:
    assert is_alias(alias)
    assert catalog_alias(catalog_key(alias)) == alias


def test_a_new_route_gets_a_price_version_and_no_credential_by_itself() -> None:
    planned = plan(wanted(base_url=URL + "/"))

    assert planned == PlannedRoute(None, "openai-compatible", "m", URL, None, PRICES, new_prices=True)


def test_the_default_address_of_a_provider_is_filled_in() -> None:
    assert plan(wanted(provider="openai", base_url=None, credential="c")).base_url == "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("credential", "has_one", "planned"),
    [(KEEP, True, KEEP), (KEEP, False, None), (None, True, None), ("new", True, "new"), ("new", False, "new")],
)
def test_what_becomes_of_a_credential(credential: Any, has_one: bool, planned: Any) -> None:
    assert plan(wanted(id="rte_1", credential=credential), existing(has_credential=has_one)).credential == planned


@pytest.mark.parametrize(
    "base_url",
    [
        "https://llm.example:8443/v1",
        "http://llm.example/v1",
        "https://llm.example.evil.example/v1",
        "https://evil.example/llm.example/v1",
    ],
)
def test_a_credential_is_not_kept_towards_another_origin(base_url: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        plan(wanted(id="rte_1", base_url=base_url), existing())

    assert (refused.value.code, refused.value.param) == ("credential_required", "routes.0.credential")
    assert plan(wanted(id="rte_1", base_url=base_url, credential="again"), existing()).credential == "again"
    assert plan(wanted(id="rte_1", base_url=base_url), existing(has_credential=False)).credential is None


@pytest.mark.parametrize("base_url", ["https://llm.example/v2", "https://LLM.example:443/v1", "https://llm.example"])
def test_a_credential_is_kept_at_the_same_origin(base_url: str) -> None:
    assert plan(wanted(id="rte_1", base_url=base_url), existing()).credential is KEEP


def test_a_credential_is_not_kept_for_another_provider() -> None:
    with pytest.raises(InvalidRequestError):
        plan(wanted(id="rte_1", provider="openai", base_url=URL), existing())


@pytest.mark.parametrize(
    ("prices", "new"),
    [
        (PRICES, False),
        ({"output": "0.1", "input": "0.05"}, False),
        ({**PRICES, "cached_input": "0"}, True),
        ({"input": "0.05"}, True),
        ({**PRICES, "input": "0.050000001"}, True),
    ],
)
def test_a_price_version_is_new_when_a_price_is(prices: dict[str, str], new: bool) -> None:
    assert plan(wanted(id="rte_1", prices=prices), existing()).new_prices is new


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        (wanted(provider="nobody"), "routes.0.provider"),
        (wanted(base_url=None), "routes.0.base_url"),
        (wanted(base_url="///"), "routes.0.base_url"),
        (wanted(provider="openai", credential=None), "routes.0.credential"),
        (wanted(provider="openai"), "routes.0.credential"),
        (wanted(id="rte_2"), "routes.0.id"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field(wish: WantedRoute, param: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        plan(wish, existing())

    assert refused.value.param == param


@pytest.mark.parametrize(
    ("wish", "current", "planned"),
    [
        ((None, None), None, (0, 1)),
        ((3, 500), None, (3, 500)),
        ((None, None), (2, 7), (2, 7)),
        ((0, None), (2, 7), (0, 7)),
        ((None, 1), (2, 7), (2, 1)),
    ],
)
def test_priority_and_weight_stay_when_they_are_left_out(
    wish: tuple[int | None, int | None], current: tuple[int, int] | None, planned: tuple[int, int]
) -> None:
    routes = [] if current is None else [existing(priority=current[0], weight=current[1])]
    wanted_route = wanted(id="rte_1" if current else None, priority=wish[0], weight=wish[1])

    route = plan(wanted_route, *routes)

    assert (route.priority, route.weight) == planned


@pytest.mark.parametrize(
    ("alias", "fallbacks", "graph", "problem"),
    [
        ("a", ["b", "c"], {"a": [], "b": [], "c": []}, None),
        ("a", ["b"], {"a": ["c"], "b": ["c"], "c": []}, None),
        ("a", ["b", "c"], {"a": [], "b": ["d"], "c": ["d"], "d": []}, None),
        ("new", ["a"], {"a": []}, None),
        ("a", ["a"], {"a": []}, ("fallback_cycle", "kind.0", "a → a")),
        ("a", ["c", "b"], {"a": [], "b": ["a"], "c": []}, ("fallback_cycle", "kind.1", "a → b → a")),
        ("a", ["b"], {"a": [], "b": ["c", "d"], "c": [], "d": ["a"]}, ("fallback_cycle", "kind.0", "a → b → d → a")),
        ("a", ["nobody"], {"a": []}, ("unknown_model", "kind.0", "nobody")),
    ],
)
def test_fallbacks_exist_and_never_lead_back(
    alias: str, fallbacks: list[str], graph: dict[str, list[str]], problem: tuple[str, str, str] | None
) -> None:
    if problem is None:
        check_fallbacks("kind", alias, fallbacks, graph)
        return
    with pytest.raises(InvalidRequestError) as refused:
        check_fallbacks("kind", alias, fallbacks, graph)
    assert (refused.value.code, refused.value.param) == problem[:2]
    assert problem[2] in refused.value.message


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.lists(st.sampled_from("abcde"), unique=True)), max_size=12))
def test_whatever_is_asked_for_in_turn_no_way_ever_leads_back(wishes: list[tuple[str, list[str]]]) -> None:
    graph: dict[str, list[str]] = {alias: [] for alias in "abcde"}
    for alias, fallbacks in wishes:
        try:
            check_fallbacks("kind", alias, fallbacks, graph)
        except InvalidRequestError:
            continue
        graph[alias] = fallbacks

    for _ in range(5):  # an alias that leads nowhere is on no circle
        ends = {alias for alias, after in graph.items() if not after}
        graph = {alias: [to for to in after if to not in ends] for alias, after in graph.items() if after}
    assert graph == {}


def test_a_route_can_be_named_once() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        plan_routes([wanted(id="rte_1"), wanted(id="rte_1")], [existing()])

    assert (refused.value.param, refused.value.code) == ("routes.1.id", "unknown_route")


def test_the_wanted_order_is_the_order() -> None:
    planned = plan_routes(
        [wanted(id="rte_2"), wanted(model="new"), wanted(id="rte_1")], [existing(), existing(id="rte_2")]
    )

    assert [route.id for route in planned] == ["rte_2", None, "rte_1"]
