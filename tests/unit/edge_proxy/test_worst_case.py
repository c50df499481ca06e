"""The most that a call can cost."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from common.events.usage import Tokens
from common.prices import complete
from edge_proxy.control.snapshot import Alias, Route
from edge_proxy.pricing.cost import price_call
from edge_proxy.pricing.prices import RoutePrices
from edge_proxy.pricing.worst_case import worst_case
from edge_proxy.providers.registry import PROVIDERS

PRICES = {"input": 1_000_000, "output": 10_000_000}


def route(prices: dict[str, int] = PRICES, **fields: Any) -> Route:
    return Route(
        id="rte",
        provider=PROVIDERS["openai-compatible"],
        model="m",
        model_json=b'"m"',
        base_url="http://x",
        headers=(),
        prices=RoutePrices.of(prices, "p"),
        **fields,
    )


def alias(name: str, *routes: Route, **fields: Any) -> Alias:
    return Alias(name, 1, routes, **fields)


def cost(of: Alias, *others: Alias, body_size: int = 0, max_output: int | None = None, choices: int = 1) -> int:
    aliases = {each.name: each for each in others}
    return worst_case(of, aliases, body_size=body_size, max_output=max_output, choices=choices, assumed_output=100)


def test_the_clients_maximum_then_the_models_then_the_assumed_one() -> None:
    assert cost(alias("a", route()), max_output=7) == 70
    assert cost(alias("a", route(max_output_tokens=50)), max_output=7) == 70
    assert cost(alias("a", route(max_output_tokens=50))) == 500
    assert cost(alias("a", route())) == 1000
    assert cost(alias("a", route()), max_output=7, choices=3) == 210


def test_the_dearest_route_counts_and_fallbacks_are_routes_too() -> None:
    cheap, dear = route(), route({"input": 2_000_000, "output": 20_000_000})
    assert cost(alias("a", cheap, dear), max_output=1) == 20
    falling_back = alias("a", cheap, fallbacks={"general": ("b", "gone")})
    assert cost(falling_back, alias("b", dear), max_output=1) == 20
    assert cost(falling_back, max_output=1) == 10


@given(st.text(max_size=300), st.integers(0, 1000))
def test_what_a_call_costs_stays_below_it(text: str, output: int) -> None:
    """With two bytes a token, and no more output than asked for."""
    size = len(text.encode())
    actual = price_call(Tokens(input=size // 2, cached_input=size // 4, output=output), complete(PRICES))[1]
    assert actual <= cost(alias("a", route()), body_size=size, max_output=max(output, 1))
