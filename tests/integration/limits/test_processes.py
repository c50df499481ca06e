"""Replicas that are processes: what they are let through together, and what a killed one leaves behind."""

import asyncio
import json
import sys
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.integration.limits import hammer
from tests.integration.limits.conftest import MakeStore, budget, granted, refused, slot, soon

from edge_proxy.limits.port import BudgetClaim, Granted

Start = Callable[..., Awaitable[asyncio.subprocess.Process]]
PROCESSES = 4


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Returns when it is ready."""
    started: list[asyncio.subprocess.Process] = []

    async def start(*arguments: object) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(hammer.__file__),
            *map(str, arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=64 * 1024 * 1024,
        )
        started.append(process)
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def hammered(start: Start, *arguments: object) -> tuple[int, list[int]]:
    """How many calls were made by all processes together, and when one was let through."""
    processes = [await start("hammer", *arguments) for _ in range(PROCESSES)]
    reports = await asyncio.gather(*[process.communicate(b"go\n") for process in processes])
    results = [json.loads(out) for out, _ in reports]
    return sum(result["asked"] for result in results), sorted(at for result in results for at in result["passed"])


def most_within(passed: list[int], window_us: int) -> int:
    """The most that were let through in any such time, wherever it begins."""
    return max(bisect_left(passed, at + window_us) - number for number, at in enumerate(passed))


async def test_of_100000_calls_exactly_the_limit_passes(start: Start, redis_url: str, name: str) -> None:
    asked, passed = await hammered(start, redis_url, name, 60_000, 25_000, 60, 0)
    assert asked == 100_000
    assert passed[-1] - passed[0] < 60_000_000, "too slow a machine: this was meant to end within one window"
    assert len(passed) == 60_000


async def test_never_above_the_limit_and_98_percent_of_it_used_over_many_windows(
    start: Start, redis_url: str, name: str
) -> None:
    """A window of 1.2 s in place of 60, so that many of them go by."""
    limit, window_s, seconds = 2000, 1.2, 13.0
    _, passed = await hammered(start, redis_url, name, limit, 0, window_s, seconds)
    window_us = int(window_s * 1e6)
    assert most_within(passed, window_us) <= limit
    windows = (passed[-1] - passed[0]) // window_us
    assert windows >= 8
    within = bisect_left(passed, passed[0] + windows * window_us)
    assert within >= 0.98 * limit * windows


async def test_a_killed_replicas_slots_and_money_come_back(
    start: Start, make_replica: MakeStore, redis_url: str, name: str
) -> None:
    store = await make_replica(lease_s=1.5)
    process = await start("hold", redis_url, name)
    money = BudgetClaim(name, "p", 100, 1, 0, True)
    await asyncio.sleep(2)  # longer than its leases: they are renewed
    assert refused(await store.reserve("mine", [slot(name, 2)])).states[0].remaining == 0
    assert refused(await store.reserve("mine", [], [money])).budgets[0].reserved == 100
    process.kill()
    await process.wait()
    died_at = asyncio.get_running_loop().time()

    async def is_free() -> bool:
        outcome = await store.reserve("mine", [slot(name, 2)], [money])
        return isinstance(outcome, Granted)

    await soon(is_free, within=5)
    assert asyncio.get_running_loop().time() - died_at < 2.5
    assert granted(await store.reserve("look", [], [budget(name, 0, 0, hard=False)])).budgets[0].spent == 0
