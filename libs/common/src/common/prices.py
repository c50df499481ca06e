"""What can have a price: the kinds of priced lines, their units, and which price counts where a kind has none of its own.

People write prices in USD for a million tokens or characters, or for one image or second. Everything else reckons in nano-USD for
a million units of any kind (`common.money`), so that a quantity times a price is exact.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from common.money import NANO_PER_USD, UNITS_PER_PRICE, PricePerMillion, format_price, parse_price

Unit = Literal["token", "character", "image", "second"]


@dataclass(frozen=True, slots=True)
class PriceKind:
    """`parent` is the kind whose price counts when this one has none; null: then it is free."""

    name: str
    unit: Unit
    parent: str | None = None

    @property
    def per(self) -> int:
        """For how many units a price is written."""
        return UNITS_PER_PRICE if self.unit in ("token", "character") else 1


INPUT_KINDS: Final = ("cached_input", "cache_write", "cache_write_1h", "audio_input", "image_input")
"""Of tokens that are input too: a provider counts them within its input."""
OUTPUT_KINDS: Final = ("reasoning", "audio_output", "image_output")

_PARENTS: Final = {
    **dict.fromkeys(INPUT_KINDS, "input"),
    **dict.fromkeys(OUTPUT_KINDS, "output"),
    "cache_write_1h": "cache_write",
}
KINDS: Final[Mapping[str, PriceKind]] = {
    kind.name: kind
    for kind in (
        *(PriceKind(name, "token", _PARENTS.get(name)) for name in ("input", *INPUT_KINDS, "output", *OUTPUT_KINDS)),
        PriceKind("character", "character"),
        PriceKind("second", "second"),
        PriceKind("image", "image"),
    )
}
IMAGE_KIND: Final = re.compile(r"image(:[a-z0-9][a-z0-9_.-]{0,31}){0,2}")
"""`image`, `image:1024x1024` or `image:1024x1024:high`: the size, then the quality. Without its own price, the shorter one's."""


_MOST: Final = 1_000 * NANO_PER_USD * UNITS_PER_PRICE


def kind_of(name: str) -> PriceKind | None:
    """Null for what cannot have a price."""
    known = KINDS.get(name)
    if known is None and IMAGE_KIND.fullmatch(name):
        return PriceKind(name, "image", name.rpartition(":")[0])
    return known


def parse_kind_price(kind: PriceKind, text: str | Decimal) -> PricePerMillion:
    """A price as people write it, for a million units. Raises `ValueError` as `parse_price` does, and above $1,000 for one unit."""
    price = PricePerMillion(parse_price(text) * (UNITS_PER_PRICE // kind.per))
    if price > _MOST:
        raise ValueError(f"a price lies between 0 and 1000 USD for one {kind.unit}")
    return price


def format_kind_price(kind: PriceKind, price: int) -> str:
    """The shortest text of a price, as people write it. Raises `ValueError` for what nobody could have written."""
    scale = UNITS_PER_PRICE // kind.per
    if price % scale:
        raise ValueError("finer than a price can be")
    return format_price(PricePerMillion(price // scale))


def complete(prices: Mapping[str, int]) -> dict[str, int]:
    """With a price for every kind whose parent has one: then a kind that is not in it is free."""
    completed = dict(prices)
    for kind in KINDS.values():
        if kind.name not in completed and kind.parent in completed:
            completed[kind.name] = completed[kind.parent]
    return completed


def price_for(kind: str, prices: Mapping[str, int]) -> int:
    """What a unit of a kind costs by prices that need not be complete; 0 when nothing says."""
    name: str | None = kind
    while name is not None:
        if name in prices:
            return prices[name]
        known = kind_of(name)
        name = None if known is None else known.parent
    return 0


def dearest(kinds: Iterable[str], prices: Mapping[str, int]) -> int:
    return max((prices.get(kind, 0) for kind in kinds), default=0)
