"""What budgets have spent is the sum of their entries, whoever enters them when; crossings are said once."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from tests.integration.ledger.books import NOON, Books

from admin_api.budgets import repository
from admin_api.budgets.models import BudgetRow
from admin_api.budgets.service import change
from admin_api.ledger import budget_rows, service
from admin_api.ledger.budget_history import read_periods
from admin_api.ledger.budgets import forget
from common.budget_periods import Period
from common.db.engine import Sessions
from common.events.budgets import ThresholdCrossed
from common.events.control import BudgetRecord
from common.events.envelope import Envelope
from common.ids import new_id
from common.testing.usage_events import usage_event

pytestmark = pytest.mark.data_layer


async def test_every_scope_counts_what_is_its_own(books: Books) -> None:
    budgets = {scope: await books.budget(scope) for scope in ("installation", "tenant", "key", "user")}
    others = usage_event(tenant_id=new_id("tnt"), key_id=new_id("key"), time=NOON, cost_nano_usd="1000")
    sisters = usage_event(tenant_id=books.tenant, key_id=new_id("key"), time=NOON, cost_nano_usd="100")
    await books.enter(others, sisters, books.call(10))
    await books.enter(books.call(1))
    spent = {scope: await books.spent(budget) for scope, budget in budgets.items()}
    assert spent == {"installation": 1111, "tenant": 111, "key": 11, "user": 11}


async def test_a_budget_made_in_the_middle_has_spent_what_was_spent_before(books: Books) -> None:
    await books.enter(books.call(5), books.call(7, NOON - timedelta(days=30)))
    budget = await books.budget("tenant")
    assert await books.spent(budget) == 5
    await books.enter(books.call(3))
    assert (await books.spent(budget), await books.rows(budget)) == (8, [8])


async def test_whatever_is_repeated_and_out_of_order_and_at_the_same_time(books: Books, sessions: Sessions) -> None:
    budgets = [await books.budget(scope, schedule=schedule) for scope, schedule in
               (("tenant", "calendar_month"), ("key", "daily"), ("user", "rolling_3d"), ("installation", "weekly"))]  # fmt: skip
    calls = [books.call(number, NOON - timedelta(hours=number % 40)) for number in range(200)]

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
        await books.enter(books.call(10**days, NOON - timedelta(days=days)))
    assert await books.spent(budget) == 111
    assert await books.spent(budget, NOON + timedelta(days=1)) == 11
    assert await books.spent(budget, NOON + timedelta(days=3)) == 0
    await books.enter(books.call(5, NOON - timedelta(days=1)))
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
    await books.enter(books.call(2000, NOON + timedelta(days=30)))
    assert _levels(await books.crossings())[2:] == [(80, "2000"), (100, "2000")]


async def test_the_end_of_the_calendar_blocks_nothing(books: Books) -> None:
    await books.budget("tenant", schedule="rolling_30d")
    for year in (1, 9999):
        await books.enter(books.call(1, datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)), books.call(1))


async def test_a_rolling_budget_crosses_with_calls_of_several_days(books: Books) -> None:
    """In one batch, and with a late call of a day before."""
    yesterday = NOON - timedelta(days=1)
    one, other = [await books.budget("tenant", amount=100, schedule=f"rolling_{days}d") for days in (2, 3)]
    await books.enter(books.call(45, yesterday), books.call(45))
    assert {(each.data.budget_id, each.data.level) for each in await books.crossings()} == {(one, 80), (other, 80)}
    await books.enter(books.call(10, yesterday))
    found = await books.crossings()
    assert {(each.data.budget_id, each.data.level) for each in found[2:]} == {(one, 100), (other, 100)}
    assert {each.data.period_start for each in found} == {NOON.replace(hour=0)}


async def test_a_level_reached_by_several_workers_at_once_is_said_once(books: Books, sessions: Sessions) -> None:
    budgets = [await books.budget("tenant", amount=1000, schedule=name) for name in ("daily", "rolling_7d", "weekly")]

    async def work() -> None:
        for _ in range(25):
            await books.enter(books.call(5))

    await asyncio.gather(*(work() for _ in range(8)))
    assert [await books.spent(budget) for budget in budgets] == [1000] * 3
    said = sorted((each.data.budget_id, each.data.level) for each in await books.crossings())
    assert said == sorted((budget, level) for budget in budgets for level in (80, 100))


async def test_a_budget_made_while_calls_are_entered_misses_none(books: Books, sessions: Sessions) -> None:
    """Whoever began to enter calls before the budget was there adds nothing to it; the sum that makes its row waits for them."""

    async def write() -> None:
        for _ in range(40):
            await books.enter(books.call(1), books.call(1, NOON - timedelta(days=1)))

    writing = [asyncio.create_task(write()) for _ in range(4)]
    budgets = []
    for schedule in ("calendar_month", "rolling_3d", "weekly", "fixed", "daily"):
        await asyncio.sleep(0.05)
        budgets.append(await books.budget("tenant", schedule=schedule))
    await asyncio.gather(*writing)
    assert [await books.spent(budget) for budget in budgets] == [320, 320, 160, 320, 160]
    assert [(await books.rows(budget))[-1] for budget in budgets] == [320, 320, 160, 320, 160]


async def test_a_fixed_budget_counts_from_its_start_whatever_comes_first(books: Books) -> None:
    start = NOON + timedelta(minutes=10, microseconds=5)
    budget = await books.budget("tenant", schedule="fixed", starts_at=start)
    moment = timedelta(microseconds=1)
    calls = [books.call(1, start - moment), books.call(10, start), books.call(100, NOON + timedelta(days=400))]
    await books.enter(*calls)
    assert await books.spent(budget) == 110
    await books.enter(books.call(2, start - moment), books.call(20, start + moment))
    assert (await books.spent(budget), await books.rows(budget)) == (130, [130])


async def test_hours_that_a_boundary_cuts_are_counted_to_the_microsecond(sessions: Sessions) -> None:
    books = Books(sessions)
    await books.open("Asia/Kathmandu")  # 5:45 ahead: days begin at 18:15
    start = datetime(2026, 11, 22, 18, 15, tzinfo=UTC)
    end, moment = start + timedelta(days=1), timedelta(microseconds=1)
    times = (start - moment, start, start + timedelta(minutes=45), end - timedelta(minutes=16), end - moment, end)
    await books.enter(*(books.call(10**number, time) for number, time in enumerate(times)))
    budget = await books.budget("tenant", schedule="daily")
    assert await books.spent(budget, start) == 11110
    await books.enter(books.call(3, start))
    assert (await books.spent(budget, start), await books.rows(budget)) == (11113, [11113])


async def test_a_row_that_cannot_be_made_holds_up_no_call(
    books: Books, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when summing up takes too long: the others get their rows, and the calls are entered."""
    bad, good = await books.budget("tenant"), await books.budget("tenant")
    sum_up = budget_rows.sum_up

    async def slow(session: AsyncSession, budget: BudgetRecord, period: Period) -> int:
        if budget.id == bad:
            await session.execute(text("SET LOCAL statement_timeout = '1ms'"))
            await session.execute(text("SELECT pg_sleep(1)"))
        return await sum_up(session, budget, period)

    monkeypatch.setattr(budget_rows, "sum_up", slow)
    await books.enter(books.call(7))
    assert (await books.rows(bad), await books.rows(good)) == ([], [7])
    monkeypatch.undo()
    await books.enter(books.call(3))
    assert (await books.rows(bad), await books.rows(good)) == ([10], [10])


async def test_a_budget_whose_days_begin_at_another_time_is_counted_anew(books: Books, sessions: Sessions) -> None:
    budget = await books.budget("tenant", amount=100, schedule="daily")
    await books.enter(books.call(90), books.call(900, NOON + timedelta(days=1)))
    async with sessions.begin() as session:
        await session.execute(text("UPDATE control.budgets SET schedule = 'weekly'"))
        await forget(session, [budget])
    assert (await books.rows(budget), await books.spent(budget)) == ([], 990)
    await books.enter(books.call(10))
    assert (await books.rows(budget), await books.spent(budget)) == ([1000], 1000)


async def test_further_percentages_are_said_too_each_once(books: Books) -> None:
    """Also above 100, where a soft budget goes on; with whom it concerns."""
    budget = await books.budget("key", amount=1000, hard=False, alert_at=[50, 150])
    await books.enter(books.call(600))
    await books.enter(books.call(600))
    await books.enter(books.call(600))
    found = await books.crossings()
    assert _levels(found) == [(50, "600"), (80, "1200"), (100, "1200"), (150, "1800")]
    first = found[0].data
    assert (first.budget_id, first.tenant_id, first.tenant_name, first.subject_name) == (
        budget, books.tenant, books.tenant, "k")  # fmt: skip


async def test_a_users_budget_concerns_no_tenant(books: Books) -> None:
    await books.budget("user", amount=10)
    await books.enter(books.call(10))
    assert {(each.data.tenant_id, each.data.subject_name) for each in await books.crossings()} == {(None, "u")}


async def test_the_history_keeps_what_the_amount_was(books: Books, sessions: Sessions) -> None:
    budget = await books.budget("tenant", amount=1000)
    last_month = NOON - timedelta(days=30)
    await books.enter(books.call(900, last_month))
    await books.enter(books.call(5))
    async with sessions.begin() as session:
        row = await session.get(BudgetRow, budget)
        assert row is not None
        await change(session, row, {"amount_nano_usd": 2000}, now=NOON)
    async with sessions() as session:
        record = (await repository.records(session, [budget]))[0]
        made_at = datetime(2026, 9, 15, tzinfo=UTC)
        periods = await read_periods(session, record, made_at=made_at, before=NOON, limit=10)
    assert [(each.period.start.month, each.amount, each.spent) for each in periods] == [
        (11, 2000, 5), (10, 1000, 900), (9, None, 0)]  # fmt: skip
    assert [[level for level, _ in each.reached] for each in periods] == [[], [80], []]
