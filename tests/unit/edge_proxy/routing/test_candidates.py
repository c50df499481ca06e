"""Which route a call is given: priorities, weights, health, stickiness."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_proxy.control.snapshot import Alias, Route
from edge_proxy.pricing.prices import RoutePrices
from edge_proxy.providers.registry import PROVIDERS
from edge_proxy.routing.breaker import BreakerOptions
from edge_proxy.routing.candidates import choose_route
from edge_proxy.routing.health import Healths


def route(name: str, *, priority: int = 0, weight: int = 1, operations: frozenset[str] = frozenset({"chat"})) -> Route:
    return Route(
        id=f"rte_{name}",
        provider=PROVIDERS["openai"],
        model="m",
        model_json=b'"m"',
        base_url="http://x",
        headers=(),
        prices=RoutePrices.of({}, "p"),
        priority=priority,
        weight=weight,
        operations=operations,
    )


def alias(*routes: Route) -> Alias:
    return Alias("alias", 0, routes)


class Chooser:
    """Choices for one alias, with a seeded chance."""

    def __init__(self, *routes: Route) -> None:
        self.alias = alias(*routes)
        self.healths = Healths(BreakerOptions())
        self.chance = Random(7)

    def __call__(self, *, tried: tuple[str, ...] = (), sticky: bytes | None = None, now: float = 0.0) -> str | None:
        found = choose_route(self.alias, self.healths, tried=tried, sticky=sticky, now=now, chance=self.chance)
        return None if found is None else found.id.removeprefix("rte_")

    def break_(self, name: str, now: float = 0.0) -> None:
        self.healths.of(f"rte_{name}").breaker.open_for(5, now)


def test_a_lower_priority_number_comes_first_until_none_of_it_is_left() -> None:
    choose = Chooser(route("a"), route("b"), route("c", priority=1))
    assert {choose() for _ in range(50)} == {"a", "b"}
    choose.break_("a")
    assert {choose() for _ in range(50)} == {"b"}
    assert choose(tried=("rte_b",)) == "c"
    choose.break_("b")
    choose.break_("c")
    assert choose() is None
    assert choose(now=5) in {"a", "b"}


def test_a_single_route_is_taken_while_it_is_available_and_not_twice() -> None:
    choose = Chooser(route("a"))
    assert (choose(), choose(tried=("rte_a",))) == ("a", None)
    choose.healths.of("rte_a").held_until = 10
    assert (choose(now=9), choose(now=10)) == (None, "a")


def test_the_less_busy_and_then_the_faster_of_two_is_taken() -> None:
    choose = Chooser(route("a"), route("b"))
    choose.healths.of("rte_a").in_flight = 1
    assert {choose() for _ in range(20)} == {"b"}
    choose.healths.of("rte_b").in_flight = 1
    choose.healths.of("rte_a").latency, choose.healths.of("rte_b").latency = 0.1, 0.5
    assert {choose() for _ in range(20)} == {"a"}


def test_weights_say_how_often_each_comes_first() -> None:
    choose = Chooser(route("a", weight=90), route("b", weight=5), route("c", weight=5))
    drawn: Counter[str | None] = Counter()
    for _ in range(3000):
        name = choose()
        drawn[name] += 1
        # Calls end at once: nothing is in flight, and all are as fast.
    assert drawn["a"] > 2000
    assert drawn["b"] > 50
    assert drawn["c"] > 50


def test_calls_with_something_in_common_stay_together() -> None:
    routes = [route(name) for name in "abcde"]
    choose = Chooser(*routes)
    before = {number: choose(sticky=b"user-%d" % number) for number in range(500)}
    assert {choose(sticky=b"user-1") for _ in range(20)} == {before[1]}
    assert min(Counter(before.values()).values()) > 50
    choose.break_("c")
    after = {number: choose(sticky=b"user-%d" % number) for number in range(500)}
    assert {number for number in before if before[number] != after[number]} == {
        number for number in before if before[number] == "c"
    }


def test_routes_that_cannot_do_it_are_left_out() -> None:
    able, unable = route("able", priority=1), route("unable", operations=frozenset({"embeddings"}))
    assert {Chooser(able, unable)() for _ in range(10)} == {"able"}
    assert Chooser(unable)() is None
    assert Chooser(unable, route("too", operations=frozenset()))() is None


@pytest.mark.parametrize("weight", [1, 10])
def test_stickiness_respects_weights(weight: int) -> None:
    choose = Chooser(route("a", weight=weight), route("b"))
    share = Counter(choose(sticky=b"%d" % number) for number in range(4000))["a"] / 4000
    assert abs(share - weight / (weight + 1)) < 0.03


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 1000), st.booleans()), min_size=1, max_size=6),
    st.booleans(),
)
def test_tries_never_repeat_a_route_and_broken_ones_are_left_out(
    spec: list[tuple[int, int, bool]], sticky: bool
) -> None:
    names = "abcdef"[: len(spec)]
    choose = Chooser(*(route(name, priority=p, weight=w) for name, (p, w, _) in zip(names, spec, strict=True)))
    broken = {name for name, (_, _, out) in zip(names, spec, strict=True) if out}
    for name in broken:
        choose.break_(name)
    tried: list[str] = []
    while (found := choose(tried=tuple(f"rte_{each}" for each in tried), sticky=b"x" if sticky else None)) is not None:
        tried.append(found)
    assert len(tried) == len(set(tried))
    assert set(tried) == set(names) - broken
    priorities = dict(zip(names, (p for p, _, _ in spec), strict=True))
    assert [priorities[name] for name in tried] == sorted(priorities[name] for name in tried)
