"""The ledger's part, without its database: usage events are taken from their stream, and Redis is told which calls are entered.

Without it Redis would remember every call until somebody confirms it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec
from nats.js import JetStreamContext
from redis.asyncio import Redis
from tests.load.aside import Aside
from tests.load.edge import Installation, connect

from common.budget_periods import period_at
from common.clock import utc_now
from common.events import subjects
from common.events.control import BudgetRecord
from common.events.usage import UsageEnvelope
from common.limits.confirm import confirm

_PAUSE_S: Final = 0.5
_MESSAGES_AT_ONCE: Final = 200


class Bookkeeper(Aside):
    """`events` that came, and the `ids` of the calls they are about."""

    def __init__(self, installation: Installation) -> None:
        super().__init__()
        self.events = 0
        self.ids: set[str] = set()
        self._installation = installation
        self._spent: defaultdict[str, int] = defaultdict(int)
        self._expected = 0
        self._patience_s = 0.0

    def expect(self, calls: int, *, patience_s: float = 20) -> None:
        """Stop when so many have come, or nothing more does."""
        self._expected = calls
        self._patience_s = patience_s
        self.stop()

    async def work(self) -> None:
        bus = await connect(self._installation.nats_url)
        try:
            subscription = await bus.jetstream().pull_subscribe(
                subjects.USAGE_SUBJECTS, durable=subjects.LEDGER_CONSUMER
            )
            async with Redis.from_url(self._installation.redis_url) as redis:
                while not self.is_stopping:
                    await self._take(subscription, redis)
                    await asyncio.sleep(_PAUSE_S)
                deadline = asyncio.get_running_loop().time() + self._patience_s
                while self.events < self._expected and asyncio.get_running_loop().time() < deadline:
                    await self._take(subscription, redis)
        finally:
            await bus.close()

    async def _take(self, subscription: JetStreamContext.PullSubscription, redis: Redis) -> None:
        with suppress(TimeoutError):
            while messages := await subscription.fetch(_MESSAGES_AT_ONCE, timeout=1):
                calls = [
                    call for message in messages for call in msgspec.json.decode(message.data, type=list[UsageEnvelope])
                ]
                self.events += len(calls)
                self.ids.update(call.id for call in calls)
                for budget in self._installation.budgets:
                    await self._enter(budget, calls, redis)
                for message in messages:
                    await message.ack()
                if len(messages) < _MESSAGES_AT_ONCE:
                    return

    async def _enter(self, budget: BudgetRecord, calls: Sequence[UsageEnvelope], redis: Redis) -> None:
        own = [call for call in calls if budget.subject in (call.data.tenant_id, call.data.key_id)]
        self._spent[budget.id] += sum(int(call.data.cost_nano_usd) for call in own)
        await confirm(
            redis,
            budget_id=budget.id,
            period=period_of(budget),
            spent_absolute=self._spent[budget.id],
            call_ids=[call.id for call in own],
        )


def period_of(budget: BudgetRecord) -> str:
    """The name of the period that a budget is in."""
    moment = utc_now()
    return period_at(budget.schedule, timezone=budget.timezone, starts_at=budget.starts_at, moment=moment).name
