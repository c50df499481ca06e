"""How a call's limits and budgets stand, in the headers and errors that a client reads.

`x-ratelimit-*` as OpenAI's; `x-budget-*` in US dollars, exact to the nano-dollar. Of each kind the one with the least room.
"""

import math
from collections.abc import Sequence
from typing import Final

from common.money import NANO_PER_USD
from edge_proxy.errors import BudgetExceeded, RateLimited
from edge_proxy.limits.budgets import OpenBudget
from edge_proxy.limits.port import BudgetState, Claim, LimitState

_LIMIT_HEADERS: Final = {
    kind: (
        f"x-ratelimit-limit-{kind}: %d\r\nx-ratelimit-remaining-{kind}: %d\r\nx-ratelimit-reset-{kind}: %b\r\n".encode()
    )
    for kind in ("requests", "tokens")
}
_WHAT: Final = {"requests": "requests per minute", "tokens": "tokens per minute", "parallel": "requests at once"}


def limit_headers(states: Sequence[LimitState]) -> bytes:
    """As they go out; of each kind one."""
    headers = b""
    for state in states:
        headers += _LIMIT_HEADERS[state.kind] % (state.limit, state.remaining, duration(state.reset_s))
    return headers


def budget_headers(states: Sequence[BudgetState], budgets: Sequence[OpenBudget]) -> bytes:
    """As they go out. What running calls have reserved does not count as spent."""
    tightest, least = 0, None
    headers = b""
    for at, state in enumerate(states):
        room = state.limit - state.spent
        if least is None or room < least:
            tightest, least = at, room
        if not headers and state.spent > budgets[at].budget.warn_above:
            headers = b"x-budget-warning: true\r\n"
    state = states[tightest]
    if state.spent >= state.limit:
        headers += b"x-budget-exceeded: true\r\n"
    headers += budgets[tightest].reset_header
    return headers + b"x-budget-limit: %b\r\nx-budget-spent: %b\r\nx-budget-remaining: %b\r\n" % (
        dollars(state.limit),
        dollars(state.spent),
        dollars(max(0, state.limit - state.spent)),
    )


def over_limit(claim: Claim, retry_after_s: float | None) -> RateLimited:
    level = claim.name.partition(":")[0]
    what = f"Rate limit reached for {_WHAT[claim.kind]} of this {level}: {claim.limit}."
    if retry_after_s is None:
        return RateLimited(f"{what} This request alone is above it.")
    error = RateLimited(f"{what} Please try again in {retry_after_s:.3g}s.")
    error.headers += [
        (b"retry-after", b"%d" % max(1, math.ceil(retry_after_s))),
        (b"retry-after-ms", b"%d" % math.ceil(retry_after_s * 1000)),
    ]
    return error


def over_budget(state: BudgetState, budget: OpenBudget, amount: int) -> BudgetExceeded:
    """Names the budget and when it begins anew."""
    spent = f"${dollars(state.spent).decode()} of ${dollars(state.limit).decode()} is spent"
    if state.spent < state.limit:
        reserved = dollars(state.reserved).decode()
        spent += f", ${reserved} reserved by running requests, and this one may cost ${dollars(amount).decode()}"
    renewal = "It is not renewed." if budget.end is None else f"It is renewed at {budget.end.isoformat()}."
    return BudgetExceeded(
        f"The budget `{budget.budget.name}` of this {budget.budget.scope} does not allow this request: {spent}. {renewal}"
    )


def dollars(nano: int) -> bytes:
    """`12.5`, `0.000375`: exact."""
    whole, rest = divmod(nano, NANO_PER_USD)
    return (b"%d.%09d" % (whole, rest)).rstrip(b"0").rstrip(b".") if rest else b"%d" % whole


def duration(seconds: float) -> bytes:
    """`6m0s`, `1.5s`, `20ms`."""
    if seconds < 1:
        return b"%dms" % math.ceil(seconds * 1000)
    if seconds < 60:
        return b"%.5gs" % seconds
    minutes, rest = divmod(seconds, 60)
    return b"%dm%.5gs" % (minutes, rest)
