"""Tokens in, priced lines and a cost out."""

from hypothesis import given
from hypothesis import strategies as st

from common.events.usage import PricedLine, Tokens
from edge_proxy.pricing.cost import price_call

counts = st.integers(min_value=0, max_value=2**53)
prices = st.integers(min_value=0, max_value=10**15)


def test_cached_input_is_its_own_line_and_reasoning_is_part_of_output() -> None:
    tokens = Tokens(input=10, cached_input=4, output=3, reasoning=2)
    lines, cost = price_call(tokens, {"input": 150_000_000, "cached_input": 75_000_000, "output": 600_000_000})
    assert lines == [
        PricedLine(kind="input", quantity=6, price="150000000"),
        PricedLine(kind="cached_input", quantity=4, price="75000000"),
        PricedLine(kind="output", quantity=3, price="600000000"),
    ]
    assert cost == 6 * 150 + 4 * 75 + 3 * 600


def test_cached_input_without_a_price_costs_as_input_and_no_price_is_free() -> None:
    assert price_call(Tokens(input=2, cached_input=2), {"input": 1_000_000})[1] == 2
    assert price_call(Tokens(input=5, output=5), {}) == (
        [PricedLine(kind="input", quantity=5, price="0"), PricedLine(kind="output", quantity=5, price="0")],
        0,
    )


@given(counts, counts, counts, prices, prices, prices)
def test_lines_are_disjoint_and_their_exact_sum_is_the_cost(
    total: int, cached: int, output: int, input_price: int, cached_price: int, output_price: int
) -> None:
    table = {"input": input_price, "cached_input": cached_price, "output": output_price}
    lines, cost = price_call(Tokens(input=total, cached_input=cached, output=output), table)
    assert sum(line.quantity for line in lines if line.kind != "output") == total
    exact = sum(line.quantity * int(line.price) for line in lines)
    assert abs(cost * 1_000_000 - exact) <= 500_000
