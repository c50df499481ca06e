"""How many tokens to reserve before they are known: the prompt's, by its size, and the likely part of what the answer may take.

What answers of a model usually take of their limit is learned. Too little reserved is counted when the call is settled, so a wrong
guess delays a limit by one call and never loses a token.
"""

from typing import Final

from edge_proxy.pricing.estimate import estimate_input_tokens

_NEWEST: Final = 0.05
_LEAST_SHARE: Final = 0.05
_UNLIMITED: Final = 1024
"""What an answer without a limit of its own is expected to take until it is known better."""
_MAX_MODELS: Final = 10_000


class TokenEstimate:
    """By alias."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}
        self._sizes: dict[str, float] = {}

    def of(self, alias: str, *, body_size: int, max_output: int | None) -> int:
        prompt = estimate_input_tokens(body_size)
        if max_output is None:
            return prompt + int(self._sizes.get(alias, _UNLIMITED))
        return prompt + int(max_output * self._shares.get(alias, 1.0))

    def learn(self, alias: str, *, output: int, max_output: int | None) -> None:
        if len(self._shares) + len(self._sizes) > _MAX_MODELS:
            self._shares.clear()
            self._sizes.clear()
        if max_output is None:
            known = self._sizes.get(alias, float(_UNLIMITED))
            self._sizes[alias] = known + _NEWEST * (output - known)
        elif max_output > 0:
            share = min(1.0, max(_LEAST_SHARE, output / max_output))
            known = self._shares.get(alias, 1.0)
            self._shares[alias] = known + _NEWEST * (share - known)
