"""Rules of rate limits: what applies where several places say something, and when a key's own limits are too high.

A tenant's limit is its own value, else the installation's default. A key's limits come in addition to its tenant's, so the
strictest applies. Each of the three kinds is looked at by itself, and so is each alias; null is no limit of one's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from common.events.control import LimitPolicy, RateLimits

MAX_LIMITED_MODELS: Final = 100
"""Of one policy: it is part of a record that every edge replica keeps in memory, and of each key once more."""

_KINDS: Final = ("requests_per_minute", "tokens_per_minute", "parallel_requests")
_NONE: Final = RateLimits()


@dataclass(frozen=True, slots=True)
class LimitView:
    """What is set in one place (`own`), what applies to its calls (`effective`), and what others say: null where nobody does."""

    own: LimitPolicy
    effective: LimitPolicy
    tenant: LimitPolicy | None
    installation: LimitPolicy | None


@dataclass(frozen=True, slots=True)
class Excess:
    """A limit above one it cannot exceed: `field` as in the request, `ceiling` as people call it."""

    field: str
    value: int
    ceiling: str
    ceiling_value: int


def tenant_effective(own: LimitPolicy, defaults: LimitPolicy) -> LimitPolicy:
    """What caps all of a tenant's keys together."""
    return LimitPolicy(
        overall=_else(own.overall, defaults.overall),
        models={alias: _else(_of(own, alias), _of(defaults, alias)) for alias in _aliases(own, defaults)},
    )


def key_effective(own: LimitPolicy, tenant: LimitPolicy) -> LimitPolicy:
    """The most that calls with a key can get, whoever else uses the tenant's share. `tenant` is what applies to the tenant."""
    return LimitPolicy(
        overall=_strictest(own.overall, tenant.overall),
        models={alias: _strictest(_of(own, alias), _of(tenant, alias)) for alias in _aliases(own, tenant)},
    )


def first_excess(key: LimitPolicy, *, tenant: LimitPolicy, installation: LimitPolicy) -> Excess | None:
    """The first of a key's limits that is above what applies to its tenant. A model's limits are held against the tenant's
    for this model and against the overall ones: neither can be exceeded."""
    applies = tenant_effective(tenant, installation)
    for kind, value in _values(key.overall):
        ceiling = getattr(applies.overall, kind)
        if ceiling is not None and value > ceiling:
            return Excess(kind, value, _whose(getattr(tenant.overall, kind)), ceiling)
    for alias, limits in key.models.items():
        for kind, value in _values(limits):
            for part, own, what in (
                (_of(applies, alias), _of(tenant, alias), f" for {alias}"),
                (applies.overall, tenant.overall, ""),
            ):
                ceiling = getattr(part, kind)
                if ceiling is not None and value > ceiling:
                    return Excess(f"models.{alias}.{kind}", value, _whose(getattr(own, kind)) + what, ceiling)
    return None


def normal(policy: LimitPolicy) -> LimitPolicy:
    """The same without models that nothing is said about."""
    return LimitPolicy(
        overall=policy.overall, models={alias: limits for alias, limits in policy.models.items() if limits != _NONE}
    )


def _whose(tenants_own: int | None) -> str:
    return "the tenant's limit" if tenants_own is not None else "the installation's limit"


def _of(policy: LimitPolicy, alias: str) -> RateLimits:
    return policy.models.get(alias, _NONE)


def _aliases(*policies: LimitPolicy) -> list[str]:
    return sorted({alias for policy in policies for alias in policy.models})


def _values(limits: RateLimits) -> Iterator[tuple[str, int]]:
    for kind in _KINDS:
        value = getattr(limits, kind)
        if value is not None:
            yield kind, value


def _else(own: RateLimits, default: RateLimits) -> RateLimits:
    return RateLimits(**{**dict(_values(default)), **dict(_values(own))})


def _strictest(own: RateLimits, other: RateLimits) -> RateLimits:
    values = dict(_values(other))
    for kind, value in _values(own):
        values[kind] = min(value, values.get(kind, value))
    return RateLimits(**values)
