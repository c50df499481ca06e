"""The scripts in a real server against their model in plain Python, step by step: the numbers have to be the same."""

import asyncio
import secrets
from collections.abc import Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from tests.integration.limits.conftest import PERIOD, MakeStore

from common.limits.confirm import confirm
from edge_proxy.limits.local import LocalLimitStore
from edge_proxy.limits.port import BudgetClaim, Claim, Granted, Kind, Reservation
from edge_proxy.limits.redis import RedisLimitStore

pytestmark = pytest.mark.data_layer

SECOND = 1_000_000
LONG = (29_500_000, 30 * SECOND, 59_500_000, 60 * SECOND, 60_500_000, 24 * 3600 * SECOND)
LIMITS = {"requests": 4, "tokens": 60, "parallel": 3, "nothing": 0}
BUDGETS = (300, 120)
_examples = (f"{secrets.token_hex(6)}-{number}" for number in count())

pause = st.sampled_from(
    # Where something begins or ceases to count, a little before and after, and the clock put back a little.
    [0, 0, 0, 0, 1, 499_999, 500_000, 7 * SECOND, *LONG, -400_000, -3 * SECOND]
)
budgets = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 90), st.integers(0, 90), st.booleans()), max_size=2)
reserve = st.tuples(
    st.just("reserve"),
    st.lists(st.sampled_from(["requests", "tokens", "parallel", "key-tokens", "nothing"]), max_size=3, unique=True),
    st.integers(0, 65),
    budgets,
)
together = st.tuples(st.just("together"), st.lists(reserve, min_size=2, max_size=4))
ending = st.tuples(
    st.sampled_from(["settle", "cancel", "renew"]), st.integers(0, 2), st.integers(0, 90), st.integers(0, 160)
)
confirming = st.tuples(
    st.just("confirm"), st.integers(0, 1), st.integers(0, 120), st.lists(st.integers(0, 2), max_size=3)
)
step = st.one_of(reserve, together, ending, ending, confirming)
steps = st.lists(st.tuples(pause, step), min_size=5, max_size=40)


class Both:
    """The same calls on both stores."""

    def __init__(self, redis: RedisLimitStore, client: Redis, clock: list[int]) -> None:
        self._redis = redis
        self._client = client
        self._clock = clock
        self._local = LocalLimitStore(clock=lambda: clock[0])
        self._example = next(_examples)
        self._held: list[tuple[Reservation, Reservation]] = []
        self._calls = count()

    async def step(self, step: tuple[object, ...]) -> None:
        match step:
            case ("reserve", *_):
                await self._reserve([step])
            case ("together", list(reserves)):
                await self._reserve(reserves)
            case ("confirm", int(at), int(spent), list(calls)):
                await self._confirm(at, spent, calls)
            case (str(kind), int(at), int(tokens), int(cost)) if at < len(self._held):
                self._end(kind, *self._held[-1 - at], tokens, cost)

    async def _reserve(self, asked: Sequence[tuple[Any, ...]]) -> None:
        """Those that come in together go to Redis in one script, and have to be answered as if one came after another."""
        calls = [self._call(*each[1:]) for each in asked]
        answers = await asyncio.gather(*(self._redis.reserve(*call) for call in calls))
        for call, found in zip(calls, answers, strict=True):
            expected = await self._local.reserve(*call)
            assert (found.numbers, found.states, found.budgets) == (expected.numbers, expected.states, expected.budgets)
            if isinstance(found, Granted):
                assert isinstance(expected, Granted)
                self._held.append((found.reservation, expected.reservation))

    def _call(
        self, names: list[str], amount: int, budgets: list[tuple[int, int, int, bool]]
    ) -> tuple[str, list[Claim], list[BudgetClaim]]:
        asked = {at: self._budget(at, worst, known, hard) for at, worst, known, hard in budgets}
        return f"call{next(self._calls)}", [self._claim(name, amount) for name in names], list(asked.values())

    async def _confirm(self, at: int, spent: int, calls: Sequence[int]) -> None:
        await self._redis.drain(within=5)
        ids = [self._held[-1 - call][0].call_id for call in calls if call < len(self._held)]
        found = await confirm(
            self._client,
            budget_id=self._budget_id(at),
            period=PERIOD,
            spent_absolute=spent,
            call_ids=ids,
            now=self._clock[0],
        )
        assert (found.spent, found.reserved) == self._local.confirm(self._budget_id(at), PERIOD, spent, ids)

    def _end(self, kind: str, ours: Reservation, model: Reservation, tokens: int, cost: int) -> None:
        for store, held in ((self._redis, ours), (self._local, model)):
            if kind == "settle":
                store.settle(held, tokens=tokens, cost=cost)
            elif kind == "cancel":
                store.cancel(held)
            elif not held.ended:
                store.renew(held)

    def _claim(self, name: str, amount: int) -> Claim:
        limited = name.removeprefix("key-")
        kind: Kind = "requests" if limited == "requests" else "parallel" if limited == "parallel" else "tokens"
        return Claim(f"{self._example}:{name}", kind, LIMITS[limited], amount if kind == "tokens" else 1)

    def _budget_id(self, at: int) -> str:
        return f"model-{self._example}-{at}"

    def _budget(self, at: int, amount: int, known: int, hard: bool) -> BudgetClaim:
        return BudgetClaim(self._budget_id(at), PERIOD, BUDGETS[at], amount, known, hard)


async def test_every_bucket_leaves_when_it_should(make_replica: MakeStore, name: str) -> None:
    """In each bucket something else is counted, for three windows."""
    now = [1_800_000_000 * SECOND]
    store = await make_replica(clock=lambda: now[0])
    model = LocalLimitStore(clock=lambda: now[0])
    for number in range(360):
        claims = [Claim(f"{name}:tokens", "tokens", 3000, 1 + number % 50)]
        found, expected = await store.reserve(name, claims), await model.reserve(name, claims)
        assert found.numbers == expected.numbers
        now[0] += SECOND if number % 7 == 0 else 500_000


def test_scripts_do_as_their_model_does(redis_url: str) -> None:
    with asyncio.Runner() as runner:
        clock = [0]
        # Leases are renewed by steps of the test only, for its clock is not that of the renewals.
        store = RedisLimitStore(redis_url, timeout_s=5, renew_s=3600, clock=lambda: clock[0])
        client = Redis.from_url(redis_url)

        async def start() -> asyncio.Task[None]:
            task = asyncio.create_task(store.run())
            async with asyncio.timeout(10):
                await store.connected()
            return task

        running = runner.run(start())

        @settings(max_examples=300, deadline=None)
        @given(steps)
        def check(steps: list[tuple[int, tuple[object, ...]]]) -> None:
            async def play() -> None:
                both = Both(store, client, clock)
                clock[0] = 1_800_000_000 * SECOND
                for pause, step in steps:
                    clock[0] += pause
                    await both.step(step)
                # Whatever else is not the same shows here.
                await both.step(
                    ("reserve", ["tokens", "requests", "parallel"], 0, [(0, 0, 0, False), (1, 0, 0, False)])
                )

            runner.run(play())

        async def stop() -> None:
            running.cancel()
            await asyncio.wait([running])
            await client.aclose()

        try:
            check()
        finally:
            runner.run(stop())
