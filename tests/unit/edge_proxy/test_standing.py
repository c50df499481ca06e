"""Headers and errors about limits and budgets."""

from datetime import UTC, datetime

import pytest

from edge_proxy.control.tables import Budget
from edge_proxy.limits.budgets import OpenBudget
from edge_proxy.limits.port import LARGEST, Answer, BudgetState, Claim
from edge_proxy.pipeline.standing import budget_headers, dollars, duration, limit_headers, over_budget, over_limit

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


def open_budget(amount: int, *, end: datetime | None = END) -> OpenBudget:
    budget = Budget(
        id="bud_1",
        name="team",
        scope="tenant",
        subject="tnt_1",
        amount=amount,
        warn_above=amount * 80 // 100,
        hard=True,
        schedule="calendar_month",
        timezone="UTC",
        starts_at=START,
    )
    reset = b"" if end is None else b"x-budget-reset: %b\r\n" % end.isoformat().encode()
    return OpenBudget(budget, START.isoformat(), START, end, reset)


def state(limit: int, spent: int, reserved: int = 0) -> BudgetState:
    return BudgetState("bud_1", START.isoformat(), limit, spent, reserved, True)


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, b"0"), (1, b"0.000000001"), (375, b"0.000000375"), (10**9, b"1"), (12_500_000_000, b"12.5"), (10**10, b"10")],
)
def test_dollars_are_exact(nano: int, text: bytes) -> None:
    assert dollars(nano) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.02, b"20ms"), (1.5, b"1.5s"), (60, b"1m0s"), (61.25, b"1m1.25s"), (59, b"59s")]
)
def test_durations_are_as_openais(seconds: float, text: bytes) -> None:
    assert duration(seconds) == text


def test_the_limit_with_the_least_room_is_shown() -> None:
    claims = [
        Claim("tenant:t:requests", "requests", 100, 1),
        Claim("key:k:requests", "requests", 10, 1),
        Claim("key:k:parallel", "parallel", 2, 1),
    ]
    # The window of the key's requests is empty again 121 buckets after its newest one, the second.
    answer = Answer(claims, [], [0, 60_000_000, 0, 50, 4, 7, 2, 1, 0], 500_000)
    assert limit_headers(answer.tightest) == (
        b"x-ratelimit-limit-requests: 10\r\nx-ratelimit-remaining-requests: 3\r\nx-ratelimit-reset-requests: 1.5s\r\n"
    )


def test_the_budget_with_the_least_room_is_shown_and_any_that_warns() -> None:
    large, small = open_budget(10**9), open_budget(10**6, end=None)
    shown = budget_headers([state(10**9, 9 * 10**8), state(10**6, 0)], [large, small])
    assert shown == (
        b"x-budget-warning: true\r\nx-budget-limit: 0.001\r\nx-budget-spent: 0\r\nx-budget-remaining: 0.001\r\n"
    )
    shown = budget_headers([state(10**9, 8 * 10**8)], [large])
    assert b"warning" not in shown
    shown = budget_headers([state(10**9, 2 * 10**9)], [large])
    assert shown == (
        b"x-budget-warning: true\r\nx-budget-exceeded: true\r\nx-budget-reset: 2026-12-01T00:00:00+00:00\r\n"
        b"x-budget-limit: 1\r\nx-budget-spent: 2\r\nx-budget-remaining: 0\r\n"
    )


def test_a_refusal_says_what_why_and_when() -> None:
    error = over_limit(Claim("key:k:requests", "requests", 10, 1), 1.25)
    assert error.message == "Rate limit reached for requests per minute of this key: 10. Please try again in 1.25s."
    assert error.headers == [(b"retry-after", b"2"), (b"retry-after-ms", b"1250")]
    never = over_limit(Claim("tenant:t:tokens", "tokens", 10, 11), None)
    assert (never.message.endswith("This request alone is above it."), never.headers) == (True, [])
    refused = over_budget(state(10**9, 9 * 10**8, 5 * 10**7), open_budget(10**9), 10**8)
    assert refused.http_status == 402
    assert refused.message == (
        "The budget `team` of this tenant does not allow this request: $0.9 of $1 is spent, $0.05 reserved by running"
        " requests, and this one may cost $0.1. It is renewed at 2026-12-01T00:00:00+00:00."
    )
    spent = over_budget(state(10**9, 10**9), open_budget(10**9, end=None), 1)
    assert spent.message.endswith("$1 of $1 is spent. It is not renewed.")


def test_an_amount_beyond_what_redis_can_count_is_the_largest_it_can() -> None:
    assert open_budget(1).claim(10**30, None).amount == LARGEST
    assert open_budget(1).claim(5, {START.isoformat(): 7}).known == 7
