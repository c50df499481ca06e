"""Money: integers of nano-USD, and prices per million units that keep every multiplication exact.

A price of $0.075 per million tokens is 75,000,000 nano-USD per million, so a quantity times a price is an exact integer of
nano-USD *per million*; one named rounding (`nano_usd`) ends the calculation. No float appears anywhere near money.
"""

from decimal import Decimal, InvalidOperation
from typing import Final, NewType

NanoUsd = NewType("NanoUsd", int)
"""An amount of money, in 10⁻⁹ US dollars."""

PricePerMillion = NewType("PricePerMillion", int)
"""Nano-USD for one million units of whatever is priced (`common.prices`)."""

NANO_PER_USD: Final = 1_000_000_000
UNITS_PER_PRICE: Final = 1_000_000
_MAX_PRICE_USD: Final = Decimal(1_000_000)


def nano_usd(amount_per_million: int) -> NanoUsd:
    """Round a sum of quantity x price products to whole nano-USD: half to even, once per call, here and nowhere else."""
    quotient, remainder = divmod(amount_per_million, UNITS_PER_PRICE)
    doubled = remainder * 2
    if doubled > UNITS_PER_PRICE or (doubled == UNITS_PER_PRICE and quotient % 2):
        quotient += 1
    return NanoUsd(quotient)


def parse_price(text: str | Decimal) -> PricePerMillion:
    """Read a decimal price in USD per million units.

    Raises `ValueError` when it is not a finite number, is negative, is above one million dollars, or is finer than nine decimals.
    """
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise ValueError("a price is a decimal number") from None
    if not price.is_finite() or price < 0 or price > _MAX_PRICE_USD:
        raise ValueError("a price lies between 0 and 1000000 USD per million units")
    scaled = price * NANO_PER_USD
    if scaled != scaled.to_integral_value():
        raise ValueError("a price has at most nine decimals")
    return PricePerMillion(int(scaled))


def format_usd(nano: int) -> str:
    """The shortest decimal text of an amount, in US dollars: 75_000_000 is `0.075`."""
    sign = "-" if nano < 0 else ""
    whole, rest = divmod(abs(nano), NANO_PER_USD)
    digits = f"{rest:09d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def readable_usd(nano: int) -> str:
    """An amount as people write it, `$1,234.50`: to the cent, unless it is less than one."""
    if 0 < abs(nano) < NANO_PER_USD // 100:
        return f"${format_usd(nano)}"
    cents = (Decimal(nano) / NANO_PER_USD).quantize(Decimal("0.01"))
    return f"${cents:,}"


def format_price(price: PricePerMillion) -> str:
    """The shortest decimal text of a price in USD per million units: 75_000_000 is `0.075`."""
    whole, fraction = divmod(price, NANO_PER_USD)
    digits = f"{fraction:09d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
