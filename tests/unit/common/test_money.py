"""Money: exact to the nano-USD, rounded once."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.money import format_price, nano_usd, parse_price


def test_five_tokens_at_a_small_price_are_375_nano() -> None:
    assert nano_usd(5 * parse_price("0.075")) == 375


@given(st.integers(min_value=0, max_value=10**24))
def test_rounding_is_half_to_even(amount: int) -> None:
    assert nano_usd(amount) == int((Decimal(amount).scaleb(-6)).to_integral_value(ROUND_HALF_EVEN))


@given(st.integers(min_value=0, max_value=10**15))
def test_a_price_survives_its_text(price: int) -> None:
    assert parse_price(format_price(price)) == price  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["-1", "NaN", "Infinity", "", "1e7", "0.0000000001", "1,5", "x"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="price"):
        parse_price(text)
