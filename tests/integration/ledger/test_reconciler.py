"""Every half minute Redis, the edges, rows and crossings are put right, whatever happened to them."""

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from tests.integration.ledger.books import Rig

from admin_api.ledger.budgets import period_of
from admin_api.ledger.reconciler import _LOCK
from common.clock import utc_now
from common.db.engine import Sessions
from common.events.subjects import SPEND_BUCKET
from common.limits.confirm import confirm

pytestmark = pytest.mark.data_layer


def _drift(scope: str) -> float:
    return REGISTRY.get_sample_value("omg_ledger_budget_drift_nano_usd", {"scope": scope}) or 0.0


def _repairs() -> float:
    return REGISTRY.get_sample_value("omg_ledger_budget_repairs_total") or 0.0


async def test_nothing_to_do_does_nothing(rig: Rig) -> None:
    budget = await rig.books.budget("tenant")
    await rig.call(budget, 700)
    await rig.reconcile()
    bucket = await rig.bus.jetstream().key_value(SPEND_BUCKET)
    repairs, revision = _repairs(), (await bucket.get(budget)).revision
    await rig.reconcile()
    assert (_repairs(), (await bucket.get(budget)).revision) == (repairs, revision)
    assert _drift("tenant") == 0


async def test_what_redis_lost_is_counted_and_what_the_ledger_lacks_is_drift(rig: Rig) -> None:
    budget = await rig.books.budget("tenant")
    await rig.call(budget, 700)
    await rig.reconcile()
    repairs = _repairs()
    await rig.lose(budget)
    await rig.reconcile()
    assert (_repairs() - repairs, _drift("tenant")) == (1, 0)
    await rig.settle(budget, 33)
    await rig.reconcile()
    assert (_repairs() - repairs, _drift("tenant")) == (1, 33)


async def test_a_sum_that_is_too_high_in_redis_is_lowered(rig: Rig) -> None:
    budget = await rig.books.budget("tenant")
    await rig.call(budget, 700)
    period = period_of(await rig.record(budget), utc_now()).name
    await confirm(rig.redis, budget_id=budget, period=period, spent_absolute=10**6, call_ids=[])
    await rig.reconcile()
    assert await rig.in_redis(budget) == (700, 0)


async def test_records_are_repaired_and_those_of_no_budget_removed(rig: Rig, sessions: Sessions) -> None:
    budget = await rig.books.budget("tenant")
    await rig.call(budget, 700)
    bucket = await rig.bus.jetstream().key_value(SPEND_BUCKET)
    await bucket.put(budget, b"garbage")
    await bucket.put("bud_nobodys", b"{}")
    await rig.reconcile()
    assert "700" in (await rig.published(budget)).values()
    assert "bud_nobodys" not in await bucket.keys()
    await bucket.delete(budget)
    await rig.reconcile()
    assert "700" in (await rig.published(budget)).values()


async def test_one_worker_at_a_time(rig: Rig, sessions: Sessions) -> None:
    budget = await rig.books.budget("tenant")
    await rig.call(budget, 700, tell=False)
    async with sessions.begin() as session:
        locks = "SELECT pg_advisory_xact_lock(:lock)"
        await session.execute(text(locks), {"lock": _LOCK})
        await rig.reconcile()
        assert await rig.open_calls(budget) == 1
    await rig.reconcile()
    assert await rig.open_calls(budget) == 0


async def test_a_changed_amount_crosses_and_uncrosses(rig: Rig, sessions: Sessions) -> None:
    budget = await rig.books.budget("tenant", amount=1000)
    await rig.call(budget, 700)

    async def levels_after(amount: int) -> list[int]:
        async with sessions.begin() as session:
            await session.execute(text("UPDATE control.budgets SET amount_nano_usd = :amount"), {"amount": amount})
        await rig.reconcile()
        return [each.data.level for each in await rig.books.crossings()]

    assert await levels_after(1000) == []
    assert await levels_after(700) == [80, 100]
    assert await levels_after(700) == [80, 100]
    assert await levels_after(1000) == [80, 100]
    assert await levels_after(800) == [80, 100, 80]
    await rig.call(budget, 100)
    assert [each.data.level for each in await rig.books.crossings()] == [80, 100, 80, 100]


async def test_a_budget_without_calls_has_a_row_and_a_record(rig: Rig) -> None:
    await rig.books.enter(rig.books.call(5, utc_now()))
    budget = await rig.books.budget("key", schedule="rolling_7d")
    await rig.reconcile()
    assert await rig.books.rows(budget) == [5, 5]  # today's, and tomorrow's
    assert list((await rig.published(budget)).values()) == ["5", "5"]
    assert await rig.in_redis(budget) == (5, 0)


async def test_many_budgets_in_one_round(rig: Rig) -> None:
    budgets = [await rig.books.budget("tenant") for _ in range(250)]
    await rig.call(budgets[-1], 700)
    await rig.reconcile()
    assert [await rig.in_redis(budget) for budget in (budgets[0], budgets[-1])] == [(700, 0)] * 2
