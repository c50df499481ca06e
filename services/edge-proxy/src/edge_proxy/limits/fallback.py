"""Redis, or what there is without it.

Failure policy: while Redis is away `local` limits each replica by itself, `closed` refuses every call that has a limit
(`LimitStoreUnavailable`, for a 503). `omg_edge_limit_store_fallbacks_total` counts the calls, `omg_edge_limit_store_away` says
that it is so; one log line for each change.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Literal

from prometheus_client import Counter, Gauge

from common.logging import get_logger
from edge_proxy.limits.local import LocalLimitStore
from edge_proxy.limits.port import BudgetClaim, Claim, Granted, LimitStoreUnavailable, Refused, Reservation
from edge_proxy.limits.redis import RedisLimitStore

AwayPolicy = Literal["local", "closed"]

_LOOK_S: Final = 0.5

_log = get_logger(__name__)
_fallbacks = Counter(
    "omg_edge_limit_store_fallbacks_total", "Calls whose limits Redis could not be asked about.", ["policy"]
)
_away = Gauge("omg_edge_limit_store_away", "1 while limits cannot be kept in Redis.")


class FallbackLimitStore:
    def __init__(self, redis: RedisLimitStore, local: LocalLimitStore, *, policy: AwayPolicy = "local") -> None:
        self._redis = redis
        self._local = local
        self._policy = policy
        self._is_away = False
        self._held_locally: set[Reservation] = set()
        self._fallbacks = _fallbacks.labels(policy=policy)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._redis.run(), name="limits-redis")
            tasks.create_task(self._local.run(), name="limits-local")
            tasks.create_task(self._look_regularly(), name="limits-look")

    async def connected(self) -> None:
        """Waits for Redis; `run` has to be running."""
        await self._redis.connected()

    async def drain(self, *, within: float) -> None:
        await self._redis.drain(within=within)

    async def reserve(
        self, call_id: str, claims: Sequence[Claim], budgets: Sequence[BudgetClaim] = ()
    ) -> Granted | Refused:
        try:
            return await self._redis.reserve(call_id, claims, budgets)
        except LimitStoreUnavailable as error:
            self._fallbacks.inc()
            if not self._redis.is_up:
                self._note(away=True, reason=str(error))
            if self._policy == "closed":
                raise
        outcome = await self._local.reserve(call_id, claims, budgets)
        if isinstance(outcome, Granted):
            self._held_locally.add(outcome.reservation)
        return outcome

    def settle(self, reservation: Reservation, *, tokens: int, cost: int) -> None:
        self._holder(reservation).settle(reservation, tokens=tokens, cost=cost)

    def cancel(self, reservation: Reservation) -> None:
        self._holder(reservation).cancel(reservation)

    def _holder(self, reservation: Reservation) -> RedisLimitStore | LocalLimitStore:
        """Who granted it has it back, whatever has become of Redis since."""
        if self._held_locally and reservation in self._held_locally:
            self._held_locally.remove(reservation)
            return self._local
        return self._redis

    async def _look_regularly(self) -> None:
        """So that the gauge and the log are right also when no calls come."""
        await asyncio.sleep(_LOOK_S)
        while True:
            self._note(away=not self._redis.is_up, reason=self._redis.reason)
            await asyncio.sleep(_LOOK_S)

    def _note(self, *, away: bool, reason: str) -> None:
        if away == self._is_away:
            return
        self._is_away = away
        _away.set(int(away))
        if away:
            _log.error("limits cannot reach redis", policy=self._policy, reason=reason)
        else:
            _log.info("limits reach redis again")
