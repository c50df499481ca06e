"""What budgets have spent is the sum of their entries, whoever enters them when; crossings are said once."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from admin_api.api_keys.models import ApiKeyRow
from admin_api.budgets import repository
from admin_api.budgets.models import BudgetRow
from admin_api.ledger import service
from admin_api.ledger.budgets import read_spent
from admin_api.tenants.models import TenantRow
from admin_api.users.models import UserRow
from common.db.engine import Sessions
from common.events.budgets import ThresholdCrossed
from common.events.envelope import Envelope
from common.events.usage import UsageEnvelope
from common.ids import new_id
from common.testing.usage_events import usage_event

pytestmark = pytest.mark.data_layer

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
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

    def call(self, cost: int, time: datetime = _NOON) -> UsageEnvelope:
        return usage_event(tenant_id=self.tenant, key_id=self.key, time=time, cost_nano_usd=str(cost))

    async def enter(self, *calls: UsageEnvelope) -> None:
        await service.record_usage(self._sessions, calls)

    async def spent(self, budget: str, now: datetime = _NOON) -> int:
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


@pytest.fixture
async def books(sessions: Sessions) -> Books:
    books = Books(sessions)
    await books.open()
    return books


async def test_every_scope_counts_what_is_its_own(books: Books) -> None:
    budgets = {scope: await books.budget(scope) for scope in ("installation", "tenant", "key", "user")}
    others = usage_event(tenant_id=new_id("tnt"), key_id=new_id("key"), time=_NOON, cost_nano_usd="1000")
    sisters = usage_event(tenant_id=books.tenant, key_id=new_id("key"), time=_NOON, cost_nano_usd="100")
    await books.enter(others, sisters, books.call(10))
    await books.enter(books.call(1))
    spent = {scope: await books.spent(budget) for scope, budget in budgets.items()}
    assert spent == {"installation": 1111, "tenant": 111, "key": 11, "user": 11}


async def test_a_budget_made_in_the_middle_has_spent_what_was_spent_before(books: Books) -> None:
    await books.enter(books.call(5), books.call(7, _NOON - timedelta(days=30)))
    budget = await books.budget("tenant")
    assert await books.spent(budget) == 5
    await books.enter(books.call(3))
    assert (await books.spent(budget), await books.rows(budget)) == (8, [8])


async def test_whatever_is_repeated_and_out_of_order_and_at_the_same_time(books: Books, sessions: Sessions) -> None:
    budgets = [await books.budget(scope, schedule=schedule) for scope, schedule in
               (("tenant", "calendar_month"), ("key", "daily"), ("user", "rolling_3d"), ("installation", "weekly"))]  # fmt: skip
    calls = [books.call(number, _NOON - timedelta(hours=number % 40)) for number in range(200)]

    async def write(seed: int) -> None:
        mine = calls.copy()
        random.Random(seed).shuffle(mine)
        for start in range(0, 200, 20):
            await service.record_usage(sessions, mine[start : start + 20])

    await asyncio.gather(*(write(seed) for seed in range(5)))
    today = sum(number for number in range(200) if number % 40 <= 12)
    total = sum(range(200))
    this_week = today  # the 23rd is a Monday
    assert [await books.spent(budget) for budget in budgets] == [total, today, total, this_week]


async def test_a_rolling_budget_lets_go_of_a_day_after_n_days(books: Books) -> None:
    budget = await books.budget("tenant", schedule="rolling_3d")
    for days in range(5):
        await books.enter(books.call(10**days, _NOON - timedelta(days=days)))
    assert await books.spent(budget) == 111
    assert await books.spent(budget, _NOON + timedelta(days=1)) == 11
    assert await books.spent(budget, _NOON + timedelta(days=3)) == 0
    await books.enter(books.call(5, _NOON - timedelta(days=1)))
    assert await books.spent(budget) == 116


async def test_days_begin_by_the_tenants_clock(sessions: Sessions) -> None:
    books = Books(sessions)
    await books.open("Asia/Kolkata")
    own, fixed = (
        await books.budget("key", schedule="daily"),
        await books.budget("key", schedule="daily", timezone="UTC"),
    )
    await books.enter(books.call(1, datetime(2026, 11, 22, 19, tzinfo=UTC)))  # the 23rd, 0:30 in India
    assert (await books.spent(own), await books.spent(fixed)) == (1, 0)


def _levels(crossings: Sequence[Envelope[ThresholdCrossed]]) -> list[tuple[int, str]]:
    return [(each.data.level, each.data.spent) for each in crossings]


async def test_a_level_is_crossed_once_per_period(books: Books) -> None:
    budget = await books.budget("tenant", amount=1000)
    await books.enter(books.call(799))
    assert await books.crossings() == []
    again = books.call(1)
    await books.enter(again)
    await books.enter(again, books.call(10))
    assert _levels(await books.crossings()) == [(80, "800")]
    await books.enter(books.call(500))
    await books.enter(books.call(500))
    found = await books.crossings()
    assert _levels(found) == [(80, "800"), (100, "1310")]
    assert (found[1].data.budget_id, found[1].data.amount, found[1].data.scope) == (budget, "1000", "tenant")
    await books.enter(books.call(2000, _NOON + timedelta(days=30)))
    assert _levels(await books.crossings())[2:] == [(80, "2000"), (100, "2000")]


async def test_the_end_of_the_calendar_blocks_nothing(books: Books) -> None:
    await books.budget("tenant", schedule="rolling_30d")
    for year in (1, 9999):
        await books.enter(books.call(1, datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)), books.call(1))
