"""The most that a call can cost: what budgets set aside for it while it runs.

Input: one token per two bytes of the request, which text in any language stays below. Output: what the client asked for at most,
for each choice; else the most the model can answer with; else `assumed_output`. Of all routes that may serve it, the dearest.

What goes beyond it (a picture the request only names by its address, a model that ignores the maximum) is charged all the same:
that excess is by how much a hard budget can be overshot.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from common.money import NanoUsd, nano_usd
from edge_proxy.control.snapshot import Alias

_BYTES_PER_TOKEN: Final = 2


def worst_case(
    alias: Alias,
    aliases: Mapping[str, Alias],
    *,
    body_size: int,
    max_output: int | None,
    choices: int,
    assumed_output: int,
) -> NanoUsd:
    """`aliases`: where the fallbacks are found."""
    input_tokens = -(-body_size // _BYTES_PER_TOKEN)
    dearest = 0
    routes = alias.routes
    if alias.has_fallbacks:
        routes += tuple(route for each in _fallbacks(alias, aliases) for route in each.routes)
    for route in routes:
        output = max_output or route.max_output_tokens or assumed_output
        prices = route.prices
        dearest = max(dearest, input_tokens * prices.input_at_most + choices * output * prices.output_at_most)
    return nano_usd(dearest)


def _fallbacks(alias: Alias, aliases: Mapping[str, Alias]) -> Iterable[Alias]:
    for names in alias.fallbacks.values():
        for name in names:
            fallback = aliases.get(name)
            if fallback is not None:
                yield fallback
