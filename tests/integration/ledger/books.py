"""A tenant with budgets, and what is around its ledger: the bus, Redis, an edge's limits, and who tells them."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from redis.asyncio import Redis
from sqlalchemy import text

from admin_api.api_keys.models import ApiKeyRow
from admin_api.budgets import repository
from admin_api.budgets.models import BudgetRow
from admin_api.ledger import service
from admin_api.ledger.budgets import period_of, read_spent
from admin_api.ledger.reconciler import Reconciler
from admin_api.ledger.spending import SpendTeller
from admin_api.tenants.models import TenantRow
from admin_api.users.models import UserRow
from common.bus.connection import Bus
from common.clock import utc_now
from common.db.engine import Sessions
from common.events.budgets import ThresholdCrossed
from common.events.control import BudgetRecord, SpendRecord
from common.events.envelope import Envelope
from common.events.subjects import SPEND_BUCKET
from common.events.usage import UsageEnvelope
from common.ids import new_id
from common.limits.confirm import confirm
from common.limits.keys import budget_keys
from common.testing.usage_events import usage_event
from edge_proxy.limits.port import BudgetClaim, Granted
from edge_proxy.limits.redis import RedisLimitStore

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""Of a Monday."""
_START = datetime(2026, 1, 1, tzinfo=UTC)


class Books:
    """A tenant with a key of a user, and budgets."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.tenant, self.key, self.user = new_id("tnt"), new_id("key"), new_id("usr")

    async def open(self, timezone: str = "UTC") -> None:
        async with self._sessions.begin() as session:
            session.add(
                TenantRow(id=self.tenant, name=self.tenant, status="active", created_at=_START, timezone=timezone)
            )
            session.add(
                UserRow(
                    id=self.user, email=f"{self.user}@x", name="u", role="admin", password_hash="x", created_at=_START
                )
            )
            await session.flush()
            session.add(
                ApiKeyRow(
                    id=self.key,
                    tenant_id=self.tenant,
                    name="k",
                    hash=self.key,
                    hint="h",
                    created_at=_START,
                    owner_id=self.user,
                    allowed_addresses=[],
                    tags={},
                )
            )

    async def budget(self, scope: str, amount: int = 10**12, schedule: str = "calendar_month", **fields: Any) -> str:
        subject = {"installation": "", "tenant": self.tenant, "key": self.key, "user": self.user}[scope]
        row = BudgetRow(
            id=new_id("bud"),
            **{
                "name": scope,
                "scope": scope,
                "subject": subject,
                "amount_nano_usd": amount,
                "hard": True,
                "schedule": schedule,
                "timezone": None,
                "starts_at": _START,
                "warn_at": 80,
                "created_at": _START,
                **fields,
            },
        )
        async with self._sessions.begin() as session:
            session.add(row)
        return row.id

    def call(self, cost: int, time: datetime = NOON) -> UsageEnvelope:
        return usage_event(tenant_id=self.tenant, key_id=self.key, time=time, cost_nano_usd=str(cost))

    async def enter(self, *calls: UsageEnvelope) -> None:
        await service.record_usage(self._sessions, calls)

    async def spent(self, budget: str, now: datetime = NOON) -> int:
        async with self._sessions() as session:
            return (await read_spent(session, await repository.records(session, [budget]), now=now))[budget].spent

    async def rows(self, budget: str) -> list[int]:
        statement = text("SELECT spent_nano_usd FROM ledger.budget_periods WHERE budget_id = :id ORDER BY period_start")
        async with self._sessions() as session:
            return [int(spent) for spent in await session.scalars(statement, {"id": budget})]

    async def crossings(self) -> list[Envelope[ThresholdCrossed]]:
        """As the outbox says them."""
        statement = text("SELECT payload FROM control.outbox WHERE target = 'budget.threshold_crossed.v1' ORDER BY id")
        async with self._sessions() as session:
            return [
                msgspec.json.decode(payload, type=Envelope[ThresholdCrossed])
                for payload in await session.scalars(statement)
            ]


class Rig:
    def __init__(self, sessions: Sessions, bus: Bus, redis: Redis, store: RedisLimitStore) -> None:
        self.books = Books(sessions)
        self._sessions = sessions
        self.bus = bus
        self.redis = redis
        self.store = store
        self.teller = SpendTeller(sessions=sessions, bus=bus, redis=redis, clock=utc_now)
        self._reconciler = Reconciler(
            sessions=sessions, bus=bus, redis=redis, clock=utc_now, teller=self.teller, interval_s=3600, replicas=1
        )
        self.reconcile = self._reconciler.reconcile

    async def record(self, budget: str) -> BudgetRecord:
        async with self._sessions() as session:
            return (await repository.records(session, [budget]))[0]

    async def settle(self, budget: str, cost: int) -> UsageEnvelope:
        """What an edge does: the call has ended, and the ledger does not know of it yet."""
        event = self.books.call(cost, utc_now())
        claim = BudgetClaim(budget, period_of(await self.record(budget), utc_now()).name, 10**12, 2 * cost, 0, True)
        outcome = await self.store.reserve(event.id, [], [claim])
        assert isinstance(outcome, Granted)
        self.store.settle(outcome.reservation, tokens=0, cost=cost)
        await self.store.drain(within=5)
        return event

    async def call(self, budget: str, cost: int, *, tell: bool = True) -> None:
        """As it happens: reserved and settled by an edge, then entered by the worker."""
        event = await self.settle(budget, cost)
        recorded = await service.record_usage(self._sessions, [event])
        if tell:
            self.teller.tell(recorded.spending)

    async def in_redis(self, budget: str) -> tuple[int, int]:
        """Spent and reserved."""
        period = period_of(await self.record(budget), utc_now()).name
        told = await confirm(self.redis, budget_id=budget, period=period, spent_absolute=0, call_ids=[])
        return told.spent, told.reserved

    async def lose(self, budget: str) -> None:
        period = period_of(await self.record(budget), utc_now()).name
        await self.redis.delete(*budget_keys(budget, period))

    async def open_calls(self, budget: str) -> int:
        period = period_of(await self.record(budget), utc_now()).name
        fields: list[Any] = await self.redis.hkeys(budget_keys(budget, period)[0])
        return sum(field.startswith(b"c:") for field in fields)

    async def published(self, budget: str) -> dict[str, str]:
        bucket = await self.bus.jetstream().key_value(SPEND_BUCKET)
        value = (await bucket.get(budget)).value
        assert value is not None
        return dict(msgspec.json.decode(value, type=SpendRecord).periods)
