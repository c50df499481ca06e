"""From tokens to priced lines to the cost of a call. Exact integers; one rounding, in `common.money.nano_usd`."""

from collections.abc import Mapping

from common.events.usage import PricedLine, Tokens
from common.money import NanoUsd, nano_usd


def price_call(tokens: Tokens, prices: Mapping[str, int]) -> tuple[list[PricedLine], NanoUsd]:
    """The disjoint lines of a call and what they cost together.

    `prices` are nano-USD per million tokens by kind. Cached input without a price of its own costs as input does; a kind
    without any price is free, and its line says so.
    """
    input_price = prices.get("input", 0)
    # A provider that reports more cached than input tokens contradicts itself; no line may go negative for it.
    cached = min(tokens.cached_input, tokens.input)
    quantities = (
        ("input", tokens.input - cached, input_price),
        ("cached_input", cached, prices.get("cached_input", input_price)),
        ("output", tokens.output, prices.get("output", 0)),
    )
    lines: list[PricedLine] = []
    total = 0
    for kind, quantity, price in quantities:
        if quantity:
            lines.append(PricedLine(kind=kind, quantity=quantity, price=str(price)))
            total += quantity * price
    return lines, nano_usd(total)
