"""From tokens to priced lines to the cost of a call. Exact integers; one rounding, in `common.money.nano_usd`."""

from collections.abc import Mapping

from common.events.usage import PricedLine, Tokens
from common.money import NanoUsd, nano_usd


def price_call(tokens: Tokens, prices: Mapping[str, int]) -> tuple[list[PricedLine], NanoUsd]:
    """The disjoint lines of a call and what they cost together.

    `prices` are nano-USD per million tokens by kind, complete (`common.prices.complete`): a kind that has none is free, and its
    line says so. Every kind has its line, also where it costs what its parent does: then a call can be priced again otherwise.
    """
    lines: list[PricedLine] = []
    total = 0
    for kind, quantity in _quantities(tokens):
        if quantity:
            price = prices.get(kind, 0)
            lines.append(PricedLine(kind=kind, quantity=quantity, price=str(price)))
            total += quantity * price
    return lines, nano_usd(total)


def _quantities(tokens: Tokens) -> list[tuple[str, int]]:
    inputs = (
        ("cached_input", tokens.cached_input),
        ("cache_write", tokens.cache_write),
        ("cache_write_1h", tokens.cache_write_1h),
        ("audio_input", tokens.audio_input),
        ("image_input", tokens.image_input),
    )
    outputs = (
        ("reasoning", tokens.reasoning),
        ("audio_output", tokens.audio_output),
        ("image_output", tokens.image_output),
    )
    return _parts("input", tokens.input, inputs) + _parts("output", tokens.output, outputs)


def _parts(kind: str, whole: int, parts: tuple[tuple[str, int], ...]) -> list[tuple[str, int]]:
    """What is left of the whole, then its parts. A provider that reports more parts than there is of the whole contradicts itself;
    no line may go negative for it, and none is charged beyond the whole."""
    found = [(kind, whole)]
    rest = whole
    for name, reported in parts:
        if reported:
            quantity = min(reported, rest)
            rest -= quantity
            found.append((name, quantity))
    found[0] = (kind, rest)
    return found
