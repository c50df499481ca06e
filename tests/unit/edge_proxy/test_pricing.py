"""Tokens in, priced lines and a cost out."""

from hypothesis import given
from hypothesis import strategies as st

from common.events.usage import PricedLine, Tokens
from common.prices import KINDS, complete
from edge_proxy.pricing.cost import price_call

counts = st.integers(min_value=0, max_value=2**53)
prices = st.integers(min_value=0, max_value=10**15)


def test_what_is_priced_by_itself_is_its_own_line() -> None:
    tokens = Tokens(input=10, cached_input=4, output=3, reasoning=2)
    lines, cost = price_call(
        tokens, {"input": 150_000_000, "cached_input": 75_000_000, "output": 600_000_000, "reasoning": 1}
    )
    assert lines == [
        PricedLine(kind="input", quantity=6, price="150000000"),
        PricedLine(kind="cached_input", quantity=4, price="75000000"),
        PricedLine(kind="output", quantity=1, price="600000000"),
        PricedLine(kind="reasoning", quantity=2, price="1"),
    ]
    assert cost == 6 * 150 + 4 * 75 + 1 * 600


def test_every_kind_of_token_is_charged_once() -> None:
    tokens = Tokens(
        input=100,
        cached_input=10,
        cache_write=20,
        cache_write_1h=5,
        audio_input=7,
        image_input=8,
        output=50,
        reasoning=9,
        audio_output=11,
        image_output=13,
    )
    of_each = {kind.name: 1_000_000 * number for number, kind in enumerate(KINDS.values(), 1)}
    lines, cost = price_call(tokens, of_each)
    assert {line.kind: line.quantity for line in lines} == {
        "input": 50,
        "cached_input": 10,
        "cache_write": 20,
        "cache_write_1h": 5,
        "audio_input": 7,
        "image_input": 8,
        "output": 17,
        "reasoning": 9,
        "audio_output": 11,
        "image_output": 13,
    }
    assert cost == sum(line.quantity * of_each[line.kind] for line in lines) // 1_000_000


def test_parts_beyond_the_whole_are_not_charged() -> None:
    lines, _ = price_call(Tokens(input=3, cached_input=2, audio_input=9, output=1, reasoning=4), {"input": 1})
    assert [(line.kind, line.quantity) for line in lines] == [("cached_input", 2), ("audio_input", 1), ("reasoning", 1)]


def test_cached_input_without_a_price_costs_as_input_and_no_price_is_free() -> None:
    assert price_call(Tokens(input=2, cached_input=2), complete({"input": 1_000_000}))[1] == 2
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
