"""The rules, in the store that is the scripts' model: against lists of what was granted when, added up."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_proxy.limits.local import LocalLimitStore
from edge_proxy.limits.port import BudgetClaim, Claim, Granted, Refused

T = TypeVar("T")
SECOND = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


def run(work: Awaitable[T]) -> T:
    """A local store waits for nothing."""
    try:
        work.__await__().send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it waited")


def tokens(limit: int, amount: int) -> Claim:
    return Claim("tenant:t:tokens", "tokens", limit, amount)


def slot(limit: int) -> Claim:
    return Claim("key:k:parallel", "parallel", limit, 1)


def budget(limit: int, amount: int, *, known: int = 0, hard: bool = True) -> BudgetClaim:
    return BudgetClaim("bud_1", "2026-11-01T00:00:00+00:00", limit, amount, known, hard)


def granted(outcome: Granted | Refused) -> Granted:
    assert isinstance(outcome, Granted)
    return outcome


def refused(outcome: Granted | Refused) -> Refused:
    assert isinstance(outcome, Refused)
    return outcome


@settings(max_examples=200, deadline=None)
@given(
    limit=st.integers(0, 40),
    calls=st.lists(st.tuples(st.integers(0, 25 * SECOND), st.integers(0, 15)), max_size=60),
)
def test_never_more_than_the_limit_in_any_minute_and_a_wait_is_exact(limit: int, calls: list[tuple[int, int]]) -> None:
    clock = Clock()
    store = LocalLimitStore(clock=clock)
    passed: list[tuple[int, int]] = []
    for pause, amount in calls:
        clock.now += pause
        outcome = run(store.reserve("call", [tokens(limit, amount)]))
        if isinstance(outcome, Granted):
            passed.append((clock.now, amount))
            continue
        wait = outcome.retry_after_s
        if amount > limit or not limit:
            assert wait is None
            continue
        assert wait is not None
        refused_at = clock.now
        clock.now = refused_at + round(wait * 1e6) - 1
        refused(run(store.reserve("call", [tokens(limit, amount)])))
        clock.now += 1
        granted(run(store.reserve("call", [tokens(limit, amount)])))
        passed.append((clock.now, amount))
    for start, _ in passed:
        assert sum(amount for at, amount in passed if start <= at < start + 60 * SECOND) <= limit


def test_98_percent_of_a_limit_can_be_used_for_ever() -> None:
    clock = Clock()
    store = LocalLimitStore(clock=clock)
    passed = 0
    for _ in range(60 * 60 * 4):
        while isinstance(run(store.reserve("call", [tokens(100, 7)])), Granted):
            passed += 7
        clock.now += SECOND // 4
    assert 0.97 * 60 * 98 <= passed <= 60 * 100  # of 100, 98 can be used in sevens
    assert passed / 98 >= 0.98 * 60


def test_a_refused_call_takes_nothing_from_any_limit() -> None:
    store = LocalLimitStore(clock=Clock())
    both = [Claim("a", "requests", 5, 1), Claim("b", "requests", 1, 1)]
    granted(run(store.reserve("1", both)))
    for number in range(10):
        outcome = refused(run(store.reserve(f"again{number}", both)))
        assert outcome.refusing == both[1]
    assert [state.remaining for state in outcome.states] == [4, 0]


def test_the_one_with_the_longest_wait_is_named() -> None:
    clock = Clock()
    store = LocalLimitStore(clock=clock)
    granted(run(store.reserve("1", [Claim("a", "requests", 1, 1)])))
    clock.now += 10 * SECOND
    granted(run(store.reserve("2", [Claim("b", "requests", 1, 1)])))
    outcome = refused(run(store.reserve("3", [Claim("a", "requests", 1, 1), slot(1), Claim("b", "requests", 1, 1)])))
    assert outcome.refusing == Claim("b", "requests", 1, 1)
    assert outcome.retry_after_s == pytest.approx(60.25, abs=0.26)


def test_settling_corrects_tokens_both_ways_and_never_requests() -> None:
    store = LocalLimitStore(clock=Clock())
    claims = [Claim("r", "requests", 10, 1), tokens(100, 30)]
    for call_id, actual, left in (("1", 10, 90), ("2", 45, 45)):
        outcome = granted(run(store.reserve(call_id, claims)))
        store.settle(outcome.reservation, tokens=actual, cost=0)
        store.settle(outcome.reservation, tokens=0, cost=0)  # twice is once
        look = run(store.reserve("look", [tokens(100, 0)]))
        assert look.states[0].remaining == left
    look = run(store.reserve("look", [Claim("r", "requests", 10, 0)]))
    assert look.states[0].remaining == 8


def test_a_cancelled_call_was_never_there() -> None:
    store = LocalLimitStore(clock=Clock())
    claims = [Claim("r", "requests", 1, 1), tokens(30, 30), slot(1)]
    for number in range(3):
        outcome = granted(run(store.reserve(str(number), claims, [budget(100, 100)])))
        store.cancel(outcome.reservation)
    assert run(store.reserve("last", claims, [budget(100, 100)])).budgets[0].reserved == 100


def test_a_slot_comes_back_with_its_lease() -> None:
    clock = Clock()
    store = LocalLimitStore(clock=clock)
    first = granted(run(store.reserve("1", [slot(1)])))
    clock.now += 20 * SECOND
    store.renew(first.reservation)
    clock.now += 29 * SECOND
    assert refused(run(store.reserve("2", [slot(1)]))).retry_after_s == 1
    clock.now += SECOND
    granted(run(store.reserve("3", [slot(1)])))


def test_a_hard_budget_counts_what_may_still_be_spent() -> None:
    store = LocalLimitStore(clock=Clock())
    first = granted(run(store.reserve("1", [], [budget(100, 60)])))
    assert refused(run(store.reserve("2", [], [budget(100, 41)]))).refusing == budget(100, 41)
    store.settle(first.reservation, tokens=0, cost=59)
    outcome = granted(run(store.reserve("3", [], [budget(100, 41)])))
    assert (outcome.budgets[0].spent, outcome.budgets[0].reserved) == (59, 41)


def test_a_budget_goes_before_a_limit_and_has_no_wait() -> None:
    store = LocalLimitStore(clock=Clock())
    outcome = refused(run(store.reserve("1", [tokens(1, 5)], [budget(100, 101)])))
    assert outcome.refusing == budget(100, 101)
    assert outcome.retry_after_s is None


def test_a_soft_budget_never_refuses_and_says_how_it_stands() -> None:
    store = LocalLimitStore(clock=Clock())
    outcome = granted(run(store.reserve("1", [], [budget(100, 30, known=500, hard=False)])))
    assert (outcome.budgets[0].spent, outcome.budgets[0].reserved) == (500, 30)


def test_replicas_share_limits_and_what_is_left_of_budgets() -> None:
    store = LocalLimitStore(replicas=3, clock=Clock())
    passed = 0
    while isinstance(run(store.reserve(str(passed), [Claim("r", "requests", 10, 1)])), Granted):
        passed += 1
    assert passed == 3
    granted(run(store.reserve("a", [Claim("one", "requests", 1, 1)])))
    refused(run(store.reserve("b", [Claim("none", "requests", 0, 1)])))
    granted(run(store.reserve("c", [], [budget(100, 20, known=40)])))
    refused(run(store.reserve("d", [], [budget(100, 1, known=40)])))


async def test_leases_are_renewed_while_it_runs() -> None:
    store = LocalLimitStore(lease_s=0.3)
    running = asyncio.create_task(store.run())
    first = granted(await store.reserve("1", [slot(1)]))
    await asyncio.sleep(0.6)
    refused(await store.reserve("2", [slot(1)]))
    store.settle(first.reservation, tokens=0, cost=0)
    granted(await store.reserve("3", [slot(1)]))
    running.cancel()
    await asyncio.wait([running])
