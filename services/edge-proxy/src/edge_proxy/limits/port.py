"""What the pipeline sees of limits. Times of Redis are in microseconds, all others in seconds; money is in nano-USD."""

from collections.abc import Sequence
from typing import Final, Literal, Protocol

import msgspec

from common.limits.windows import BUCKETS

Kind = Literal["requests", "tokens", "parallel"]

WINDOW_S: Final = 60.0
LEASE_S: Final = 30.0
FIRST_STATE: Final = 3
"""Where in an answer's numbers the claims begin, two for each."""

SETTLED_LEASE_S: Final = 24 * 3600.0
SLOT_WAIT_S: Final = 1.0
"""When to come back for a parallel call's slot: nobody knows when one is let go."""

NEVER: Final = -1
SLOT_WAIT: Final = -2
"""Waits that are no number of microseconds."""

LARGEST: Final = 2**63 - 1
"""Nano-USD that a budget can count."""


class LimitStoreUnavailable(Exception):
    """The store cannot say. Its text is for the log."""


# Arrays, because the script reads them as they are. Without the garbage collector's knowledge: nothing in them can form a cycle.
class Claim(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`name` is what a rejection names, and makes the key in Redis: one for each thing that is limited. A call's claims have
    different names. A parallel claim's amount is 1."""

    name: str
    kind: Kind
    limit: int
    amount: int


class BudgetClaim(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`period`: when it began, ISO. `amount`: the worst case. `known`: what the ledger last published as spent. None of them is
    above `LARGEST`."""

    budget_id: str
    period: str
    limit: int
    amount: int
    known: int
    hard: bool


class LimitState(msgspec.Struct, frozen=True, gc=False):
    """`reset_s`: until all of the limit is free again, if nothing else comes; 0 for parallel calls, of which nobody knows."""

    name: str
    kind: Kind
    limit: int
    remaining: int
    reset_s: float


class BudgetState(msgspec.Struct, frozen=True, gc=False):
    """`spent`: calls that have ended. `reserved`: what running ones, the asking one included, may still cost."""

    budget_id: str
    period: str
    limit: int
    spent: int
    reserved: int
    hard: bool


class Reservation(msgspec.Struct, eq=False):
    """What a running call holds; nothing for the pipeline to look into. It ends once, however often that is said."""

    call_id: str
    claims: Sequence[Claim]
    budgets: Sequence[BudgetClaim]
    numbers: list[int]
    has_lease: bool
    ended: bool = False

    def corrections(self, tokens: int) -> list[tuple[str, int, int]]:
        """Name, bucket and change of each window whose estimate was wrong."""
        numbers = self.numbers
        changes = []
        at = FIRST_STATE + 1
        for claim in self.claims:
            if claim.kind == "tokens" and claim.amount != tokens:
                changes.append((claim.name, numbers[at], tokens - claim.amount))
            at += 2
        return changes

    def refunds(self) -> list[tuple[str, int, int]]:
        """The same, giving all of it back."""
        buckets = self.numbers[FIRST_STATE + 1 :: 2]
        return [
            (claim.name, bucket, -claim.amount)
            for claim, bucket in zip(self.claims, buckets, strict=False)
            if claim.kind != "parallel" and claim.amount
        ]


class Answer(msgspec.Struct, frozen=True):
    """What a store says to a call's claims. `numbers` are laid out as the script `RESERVE` gives them."""

    claims: Sequence[Claim]
    budget_claims: Sequence[BudgetClaim]
    numbers: list[int]
    bucket_us: int

    @property
    def now_us(self) -> int:
        """The store's time."""
        return self.numbers[1]

    @property
    def states(self) -> list[LimitState]:
        """Of each claim, in their order. Computed when asked for."""
        return [self._state(position) for position in range(len(self.claims))]

    @property
    def tightest(self) -> list[LimitState]:
        """Of requests and of tokens the one with the least room, as far as there are any."""
        requests = tokens = -1
        least_requests = least_tokens = 0
        numbers, at = self.numbers, FIRST_STATE
        for position, claim in enumerate(self.claims):
            room = claim.limit - numbers[at]
            if claim.kind == "requests":
                if requests < 0 or room < least_requests:
                    requests, least_requests = position, room
            elif claim.kind == "tokens" and (tokens < 0 or room < least_tokens):
                tokens, least_tokens = position, room
            at += 2
        return [self._state(position) for position in (requests, tokens) if position >= 0]

    def _state(self, position: int) -> LimitState:
        claim = self.claims[position]
        at = FIRST_STATE + 2 * position
        used, newest = self.numbers[at : at + 2]
        reset_us = (newest + BUCKETS + 1) * self.bucket_us - self.numbers[1] if used and claim.kind != "parallel" else 0
        return LimitState(claim.name, claim.kind, claim.limit, max(0, claim.limit - used), reset_us / 1e6)

    @property
    def budgets(self) -> list[BudgetState]:
        """Of each budget, in their order."""
        numbers = self.numbers
        states = []
        at = FIRST_STATE + 2 * len(self.claims)
        for claim in self.budget_claims:
            spent, reserved = numbers[at], numbers[at + 1]
            states.append(BudgetState(claim.budget_id, claim.period, claim.limit, spent, reserved, claim.hard))
            at += 2
        return states


class Granted(Answer, frozen=True):
    reservation: Reservation


class Refused(Answer, frozen=True):
    @property
    def refusing(self) -> Claim | BudgetClaim:
        """Of all claims that refuse, the one with the longest wait; a budget goes before any limit."""
        at = self.numbers[0] - 1
        return self.claims[at] if at < len(self.claims) else self.budget_claims[at - len(self.claims)]

    @property
    def retry_after_s(self) -> float | None:
        """None: no wait helps. The amount is above the limit, or it is a budget, which the next period renews."""
        wait = self.numbers[2]
        if wait == SLOT_WAIT:
            return SLOT_WAIT_S
        return wait / 1e6 if wait > 0 else None


class LimitStore(Protocol):
    """The same tests run on all of them."""

    async def run(self) -> None:
        """Keeps leases of running calls alive, and whatever else needs time; for as long as the process lives."""

    async def reserve(
        self, call_id: str, claims: Sequence[Claim], budgets: Sequence[BudgetClaim] = ()
    ) -> Granted | Refused:
        """All of it or nothing. `call_id` is another one each time. Cancelled, it leaves nothing reserved.

        Raises `LimitStoreUnavailable`.
        """

    def settle(self, reservation: Reservation, *, tokens: int, cost: int) -> None:
        """The call has ended and took this. Never blocks, never raises. Requests are not given back."""

    def cancel(self, reservation: Reservation) -> None:
        """The call never reached a provider: all of it is given back."""
