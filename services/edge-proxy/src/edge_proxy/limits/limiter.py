"""The limits as the pipeline knows them: Redis's, or what the policy says while Redis is away.

Failure policy: with `local` each replica holds calls to its share of every limit, in memory; with `closed` they get 503. A
replica that lost Redis asks for it again twice a second, not with every call.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from prometheus_client import Counter, Gauge

from common.logging import get_logger
from edge_proxy.limits.claims import Granted, Limit, LimitStoreUnavailable, LimitsUnavailable, Refused
from edge_proxy.limits.local import LocalLimits
from edge_proxy.limits.store import RedisLimits

WithoutRedis = Literal["local", "closed"]

_RENEW_S: Final = 10.0
_ASK_AGAIN_S: Final = 0.5

_log = get_logger(__name__)
_fallbacks: Final = Counter(
    "omg_edge_limit_fallbacks_total", "Calls that met Redis away, by what became of them.", ["as"]
)
_away: Final = Gauge("omg_edge_limit_store_away", "1 while limits are kept without Redis.")


class Limiter:
    """`replicas` share a limit while they cannot see each other."""

    def __init__(self, store: RedisLimits, *, without_redis: WithoutRedis, replicas: int) -> None:
        self._store = store
        self._local = LocalLimits()
        self._without_redis = without_redis
        self._replicas = replicas
        self._is_away = False
        self._running: dict[str, Granted] = {}

    async def reserve(self, call_id: str, limits: Sequence[Limit], *, tokens: int) -> Granted | Refused:
        """Raises `LimitsUnavailable`."""
        if not self._is_away:
            try:
                found = await self._store.reserve(call_id, limits, tokens=tokens)
            except LimitStoreUnavailable as error:
                self._lose(str(error))
            else:
                return self._keep(found)
        _fallbacks.labels(self._without_redis).inc()
        if self._without_redis == "closed":
            raise LimitsUnavailable("The gateway cannot count calls at the moment. Please retry.")
        shares = [msgspec.structs.replace(limit, limit=self._share(limit.limit)) for limit in limits]
        return self._keep(self._local.reserve(call_id, shares, tokens=tokens, now=_now()))

    def settle(self, granted: Granted, *, tokens: int | None) -> None:
        """The call used so many tokens; None: it never reached a provider, and all is given back."""
        self._running.pop(granted.call_id, None)
        if granted.local:
            self._local.settle(granted, tokens=tokens, now=_now())
        elif not self._is_away:
            self._store.settle(granted, tokens=tokens)

    async def run(self) -> None:
        """Renew the leases of calls under way, and look for Redis while it is away, until cancelled."""
        renew_at = 0.0
        while True:
            await asyncio.sleep(_ASK_AGAIN_S)
            if self._is_away:
                await self._ask()
            elif time.monotonic() >= renew_at:
                renew_at = time.monotonic() + _RENEW_S
                for granted in self._running.values():
                    if granted.local:
                        self._local.renew(granted, now=_now())
                self._store.renew([granted for granted in self._running.values() if not granted.local])

    async def close(self) -> None:
        await self._store.close()

    def _keep(self, found: Granted | Refused) -> Granted | Refused:
        if isinstance(found, Granted):
            self._running[found.call_id] = found
        return found

    def _share(self, limit: int) -> int:
        return max(1, limit // self._replicas) if limit else 0

    def _lose(self, reason: str) -> None:
        if not self._is_away:
            self._is_away = True
            _away.set(1)
            _log.error("limits are kept without Redis", policy=self._without_redis, error=reason)

    async def _ask(self) -> None:
        try:
            await self._store.ping()
        except LimitStoreUnavailable:
            return
        self._is_away = False
        _away.set(0)
        _log.info("limits are kept in Redis again")


def _now() -> int:
    return int(time.monotonic() * 1000)
