"""Which limits a call is held to: its tenant's and its key's, over all models and for its own. All of them apply."""

from collections.abc import Iterator
from typing import Final

from common.events.control import LimitDefaults, LimitPolicy, RateLimits
from edge_proxy.control.snapshot import Key, Tenant
from edge_proxy.limits.claims import Limit, LimitKind

_NONE: Final = RateLimits()
_KINDS: Final[tuple[tuple[LimitKind, str], ...]] = (
    ("requests", "requests_per_minute"),
    ("tokens", "tokens_per_minute"),
    ("parallel", "parallel_requests"),
)
_MAX_KEPT: Final = 100_000


class LimitRules:
    """Works a key's limits out once per model, and again when one of the policies has changed."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], tuple[Key, Tenant, LimitDefaults, tuple[Limit, ...]]] = {}

    def of(self, key: Key, tenant: Tenant, defaults: LimitDefaults, alias: str) -> tuple[Limit, ...]:
        kept = self._kept.get((key.id, alias))
        if kept is not None and kept[0] is key and kept[1] is tenant and kept[2] is defaults:
            return kept[3]
        limits = tuple(_limits(key, tenant, defaults, alias))
        if len(self._kept) >= _MAX_KEPT:
            self._kept.clear()
        self._kept[key.id, alias] = (key, tenant, defaults, limits)
        return limits


def _limits(key: Key, tenant: Tenant, defaults: LimitDefaults, alias: str) -> Iterator[Limit]:
    of_tenant, of_key = f"tenant:{tenant.id}", f"key:{key.id}"
    yield from _named(of_tenant, tenant.limits.overall, defaults.tenant.overall)
    yield from _named(f"{of_tenant}:{alias}", _of_model(tenant.limits, alias), _of_model(defaults.tenant, alias))
    yield from _named(of_key, key.limits.overall, _NONE)
    yield from _named(f"{of_key}:{alias}", _of_model(key.limits, alias), _NONE)


def _of_model(policy: LimitPolicy, alias: str) -> RateLimits:
    return policy.models.get(alias, _NONE)


def _named(name: str, own: RateLimits, inherited: RateLimits) -> Iterator[Limit]:
    for kind, field in _KINDS:
        value = getattr(own, field)
        value = getattr(inherited, field) if value is None else value
        if value is not None:
            yield Limit(f"{name}:{kind}", kind, value)
