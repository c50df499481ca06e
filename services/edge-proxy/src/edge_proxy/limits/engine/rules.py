"""Policies of a tenant and a key -> the claims of a call. Pure.

A tenant's limit of a kind is its own or the installation's default; a key's is its own or none. Overall limits and those of the
called model all apply, of the tenant and of the key: the strictest decides. A limit of 0 lets nothing pass.

A tenant caps its keys by itself, without a look at their numbers: its claims count the calls of all of them.

The estimate of tokens should be the worst case (prompt and largest output): what a call takes beyond it is granted to nobody.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, Protocol

import msgspec

from common.events.control import LimitPolicy, RateLimits
from edge_proxy.limits.engine.port import Claim

_MOST_PLANS: Final = 20_000
_NO_LIMITS: Final = LimitPolicy()

Scope = Literal["tenant", "key"]


class Limited(Protocol):
    """A tenant or a key, as the snapshot has it."""

    @property
    def id(self) -> str: ...
    @property
    def limits(self) -> LimitPolicy: ...


class Plan(msgspec.Struct, frozen=True):
    """The claims of one tenant or key for one alias. Those of tokens lack their amount."""

    fixed: tuple[Claim, ...] = ()
    tokens: tuple[tuple[str, int], ...] = ()


_NO_PLAN: Final = Plan()


def tenant_plan(tenant_id: str, own: LimitPolicy, default: LimitPolicy, alias: str) -> Plan:
    overall = _or_else(own.overall, default.overall)
    model = _or_else(own.models.get(alias), default.models.get(alias))
    return _plan("tenant", tenant_id, overall, model, alias)


def key_plan(key_id: str, own: LimitPolicy, alias: str) -> Plan:
    return _plan("key", key_id, own.overall, own.models.get(alias, RateLimits()), alias)


class Rules:
    """Plans, kept for as long as the records they were made of are the same objects.

    A new snapshot has new objects for what changed, so nothing has to be thrown away. A kept plan keeps its records, too: an
    identity cannot come to mean another one while it is a key in here.
    """

    def __init__(self) -> None:
        self._tenants: dict[tuple[int, int, str], tuple[Plan, Limited, LimitPolicy]] = {}
        self._keys: dict[tuple[int, str], tuple[Plan, Limited]] = {}

    def claims(self, key: Limited, tenant: Limited, default: LimitPolicy, alias: str, tokens: int) -> Sequence[Claim]:
        """`default`: the installation's for tenants. `tokens`: the estimate. Empty if nothing is limited."""
        place = (id(tenant), id(default), alias)
        of_tenant = self._tenants.get(place)
        if of_tenant is None:
            if len(self._tenants) >= _MOST_PLANS:
                self._tenants.clear()
            of_tenant = (tenant_plan(tenant.id, tenant.limits, default, alias), tenant, default)
            self._tenants[place] = of_tenant
        first = of_tenant[0]
        limits = key.limits
        # Most keys have no limits: a million of them need no plan each.
        second = _NO_PLAN if limits is _NO_LIMITS or limits == _NO_LIMITS else self._key_plan(key, alias)
        if not first.tokens and not second.tokens:
            return first.fixed + second.fixed
        return [
            *first.fixed,
            *second.fixed,
            *[Claim(name, "tokens", limit, tokens) for name, limit in first.tokens],
            *[Claim(name, "tokens", limit, tokens) for name, limit in second.tokens],
        ]

    def _key_plan(self, key: Limited, alias: str) -> Plan:
        place = (id(key), alias)
        of_key = self._keys.get(place)
        if of_key is None:
            if len(self._keys) >= _MOST_PLANS:
                self._keys.clear()
            of_key = self._keys[place] = (key_plan(key.id, key.limits, alias), key)
        return of_key[0]


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
