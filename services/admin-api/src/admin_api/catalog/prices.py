"""Prices of a route, as the Admin API and the tables have them, and as the gateway reckons with them."""

from collections.abc import Mapping

from common.money import PricePerMillion
from common.prices import kind_of, parse_kind_price

Prices = Mapping[str, str]
"""By kind (`common.prices`), as people write them, in their shortest spelling: USD per million tokens or characters, or per image
or second. A kind that is not in it is charged as its parent kind, or not at all."""


def nano_prices(prices: Prices) -> dict[str, PricePerMillion]:
    """In nano-USD per million units. A kind that this version of the program does not know is left out."""
    return {name: parse_kind_price(kind, text) for name, text in prices.items() if (kind := kind_of(name)) is not None}
