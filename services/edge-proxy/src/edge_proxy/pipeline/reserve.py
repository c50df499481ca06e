"""A call's place in its limits and budgets: taken before anything is sent, settled when it is known what it used."""

from collections.abc import Sequence
from typing import Final

import msgspec
from prometheus_client import Counter

from common.money import NanoUsd
from edge_proxy.control.configuration import Configuration
from edge_proxy.errors import EdgeError, Unavailable
from edge_proxy.limits.budgets import Budgets, OpenBudget
from edge_proxy.limits.estimate import TokenEstimate
from edge_proxy.limits.port import Claim, LimitStore, LimitStoreUnavailable, Refused
from edge_proxy.limits.rules import Rules
from edge_proxy.pipeline.call import Call
from edge_proxy.pipeline.standing import budget_headers, limit_headers, over_budget, over_limit
from edge_proxy.pricing.worst_case import worst_case
from edge_proxy.server.client import Client

_limit_refusals: Final = Counter("omg_edge_limit_refusals_total", "Calls refused by a limit.", ["level", "kind"])
_budget_refusals: Final = Counter("omg_edge_budget_refusals_total", "Calls refused by a hard budget.", ["scope"])


class Reserve(msgspec.Struct, frozen=True):
    """What it takes to reserve. `assumed_output`: tokens of an answer that nobody has set a maximum for."""

    configuration: Configuration
    store: LimitStore
    rules: Rules
    budgets: Budgets
    estimate: TokenEstimate
    assumed_output: int

    async def take(self, call: Call, client: Client) -> None:
        """Reserve, and tell the client how its limits and budgets stand.

        Raises `RateLimited`, `BudgetExceeded`, and `Unavailable` where calls are not to be served uncounted.
        """
        snapshot = self.configuration.snapshot
        plan = self.rules.plan(call.key, call.tenant, snapshot.limit_defaults.tenant, call.alias.name)
        claims = plan.claims(self._tokens(call)) if plan.tokens else plan.fixed
        budgets = self.budgets.of(call.key, snapshot.budgets, call.time)
        if not claims and not budgets:
            return
        amount = self._worst_case(call) if budgets else 0
        money = [each.claim(amount, snapshot.spent.get(each.budget.id)) for each in budgets]
        try:
            outcome = await self.store.reserve(call.id, claims, money)
        except LimitStoreUnavailable:
            raise Unavailable(
                "The gateway cannot count calls at the moment. Please retry.", code="limits_unavailable"
            ) from None
        if claims:
            client.add_lines(limit_headers(outcome.tightest))
        if budgets:
            client.add_lines(budget_headers(outcome.budgets, budgets))
        if isinstance(outcome, Refused):
            raise _refusal(outcome, budgets)
        call.reservation = outcome.reservation

    def give_back(self, call: Call) -> None:
        """The call never reached a provider."""
        if call.reservation is not None:
            self.store.cancel(call.reservation)

    def settle(self, call: Call) -> None:
        if call.reservation is None:
            return
        tokens = call.tokens
        self.store.settle(call.reservation, tokens=tokens.input + tokens.output, cost=call.cost)
        if call.status == "succeeded":
            self.estimate.learn(call.alias.name, output=tokens.output, max_output=call.request.max_output)

    def _tokens(self, call: Call) -> int:
        request = call.request
        return self.estimate.of(call.alias.name, body_size=request.body_size, max_output=request.max_output)

    def _worst_case(self, call: Call) -> NanoUsd:
        request = call.request
        return worst_case(
            call.alias,
            self.configuration.snapshot.aliases,
            body_size=request.body_size,
            max_output=request.max_output,
            choices=request.choices,
            assumed_output=self.assumed_output,
        )


def _refusal(refused: Refused, budgets: Sequence[OpenBudget]) -> EdgeError:
    claim = refused.refusing
    if isinstance(claim, Claim):
        _limit_refusals.labels(claim.name.partition(":")[0], claim.kind).inc()
        return over_limit(claim, refused.retry_after_s)
    at = refused.budget_claims.index(claim)
    _budget_refusals.labels(budgets[at].budget.scope).inc()
    return over_budget(refused.budgets[at], budgets[at], claim.amount)
