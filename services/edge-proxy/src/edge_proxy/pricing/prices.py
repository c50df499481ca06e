"""What a route costs, prepared for calls: looked up once for each record, not once for each call."""

from collections.abc import Mapping

import msgspec

from common.prices import INPUT_KINDS, OUTPUT_KINDS, complete, dearest


class RoutePrices(msgspec.Struct, frozen=True):
    """`by_kind` is complete (`common.prices.complete`), in nano-USD per million units. `input_at_most` and `output_at_most` are the
    dearest a token of input or output can be; `basic` has the prices of plain input and output only, for the journal's estimates.
    """

    version: str
    by_kind: dict[str, int]
    basic: dict[str, int]
    input_at_most: int
    output_at_most: int

    @classmethod
    def of(cls, prices: Mapping[str, int], version: str) -> "RoutePrices":
        by_kind = complete(prices)
        return cls(
            version,
            by_kind,
            {kind: by_kind[kind] for kind in ("input", "output") if kind in by_kind},
            dearest(("input", *INPUT_KINDS), by_kind),
            dearest(("output", *OUTPUT_KINDS), by_kind),
        )
