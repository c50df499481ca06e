"""Policies of a tenant and a key -> the claims of a call. Pure.

A tenant's limit of a kind is its own or the installation's default; a key's is its own or none. Overall limits and those of the
called model all apply, of the tenant and of the key: the strictest decides. A limit of 0 lets nothing pass.

A tenant caps its keys by itself, without a look at their numbers: its claims count the calls of all of them.

What a call takes of tokens beyond its estimate is granted to nobody.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, Protocol

import msgspec

from common.events.control import UNLIMITED, LimitPolicy, RateLimits
from edge_proxy.limits.port import Claim

_MOST_PLANS: Final = 20_000

Scope = Literal["tenant", "key"]


class Limited(Protocol):
    """A tenant or a key, as the snapshot has it."""

    @property
    def id(self) -> str: ...
    @property
    def limits(self) -> LimitPolicy: ...


class Plan(msgspec.Struct, frozen=True):
    """Claims for calls of one alias. Those of tokens are a name and a limit, for each call brings its own amount."""

    fixed: tuple[Claim, ...] = ()
    tokens: tuple[tuple[str, int], ...] = ()

    def claims(self, tokens: int) -> Sequence[Claim]:
        return [*self.fixed, *[Claim(name, "tokens", limit, tokens) for name, limit in self.tokens]]

    def __add__(self, other: "Plan") -> "Plan":
        return Plan(self.fixed + other.fixed, self.tokens + other.tokens)


_NO_CLAIMS: Final = Plan()


def tenant_plan(tenant_id: str, own: LimitPolicy, default: LimitPolicy, alias: str) -> Plan:
    overall = _or_else(own.overall, default.overall)
    model = _or_else(own.models.get(alias), default.models.get(alias))
    return _plan("tenant", tenant_id, overall, model, alias)


def key_plan(key_id: str, own: LimitPolicy, alias: str) -> Plan:
    return _plan("key", key_id, own.overall, own.models.get(alias, RateLimits()), alias)


class Rules:
    """Plans, kept for as long as the records they were made of are the same objects: a change brings new ones.

    A kept plan keeps its records, too: an identity cannot come to mean another one while it is a key in here.
    """

    def __init__(self) -> None:
        self._tenants: dict[tuple[int, int, str], tuple[Plan, Limited, LimitPolicy]] = {}
        self._keys: dict[tuple[int, int, int, str], tuple[Plan, Limited, Limited, LimitPolicy]] = {}

    def plan(self, key: Limited, tenant: Limited, default: LimitPolicy, alias: str) -> Plan:
        """`default`: the installation's for tenants."""
        if key.limits is UNLIMITED:  # most keys: a million of them need no plan each
            return self._tenant_plan(tenant, default, alias)
        place = (id(key), id(tenant), id(default), alias)
        kept = self._keys.get(place)
        if kept is None:
            if len(self._keys) >= _MOST_PLANS:
                self._keys.clear()
            plan = self._tenant_plan(tenant, default, alias) + key_plan(key.id, key.limits, alias)
            kept = self._keys[place] = (plan, key, tenant, default)
        return kept[0]

    def _tenant_plan(self, tenant: Limited, default: LimitPolicy, alias: str) -> Plan:
        if tenant.limits is UNLIMITED and default is UNLIMITED:
            return _NO_CLAIMS
        if alias not in tenant.limits.models and alias not in default.models:
            alias = ""  # of all that have no limits of their own there is one plan
        place = (id(tenant), id(default), alias)
        kept = self._tenants.get(place)
        if kept is None:
            if len(self._tenants) >= _MOST_PLANS:
                self._tenants.clear()
            kept = self._tenants[place] = (tenant_plan(tenant.id, tenant.limits, default, alias), tenant, default)
        return kept[0]


def _or_else(own: RateLimits | None, default: RateLimits | None) -> RateLimits:
    own, default = own or RateLimits(), default or RateLimits()
    return RateLimits(
        requests_per_minute=_first(own.requests_per_minute, default.requests_per_minute),
        tokens_per_minute=_first(own.tokens_per_minute, default.tokens_per_minute),
        parallel_requests=_first(own.parallel_requests, default.parallel_requests),
    )


def _first(own: int | None, default: int | None) -> int | None:
    return default if own is None else own


def _plan(scope: Scope, id_: str, overall: RateLimits, model: RateLimits, alias: str) -> Plan:
    fixed: list[Claim] = []
    tokens: list[tuple[str, int]] = []
    for prefix, limits in _prefixed(scope, id_, overall, model, alias):
        if limits.requests_per_minute is not None:
            fixed.append(Claim(f"{prefix}:requests", "requests", limits.requests_per_minute, 1))
        if limits.parallel_requests is not None:
            fixed.append(Claim(f"{prefix}:parallel", "parallel", limits.parallel_requests, 1))
        if limits.tokens_per_minute is not None:
            tokens.append((f"{prefix}:tokens", limits.tokens_per_minute))
    return Plan(tuple(fixed), tuple(tokens))


def _prefixed(
    scope: Scope, id_: str, overall: RateLimits, model: RateLimits, alias: str
) -> Iterator[tuple[str, RateLimits]]:
    yield f"{scope}:{id_}", overall
    yield f"{scope}:{id_}:model:{alias}", model
