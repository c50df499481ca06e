"""A replica in a process of its own that asks for one limit as fast as it can, and prints when it was let through (server's time).

Or, with `hold`, one that takes two slots and money, says so, and never ends.
"""

import asyncio
import json
import sys

import uvloop

from edge_proxy.limits.port import BudgetClaim, Claim, Granted
from edge_proxy.limits.redis import RedisLimitStore

AT_ONCE = 100


async def hammer(url: str, name: str, limit: int, calls: int, window_s: float, seconds: float) -> None:
    """At least `calls` calls, and for at least `seconds`."""
    store = RedisLimitStore(url, timeout_s=10, window_s=window_s)
    running = asyncio.create_task(store.run())
    await store.connected()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    claims = [Claim(f"{name}:requests", "requests", limit, 1), Claim(f"{name}:tokens", "tokens", limit * 10, 10)]
    end = asyncio.get_running_loop().time() + seconds
    asked, passed = 0, []
    while asked < calls or asyncio.get_running_loop().time() < end:
        outcomes = await asyncio.gather(*[store.reserve(f"{name}{asked + n}", claims) for n in range(AT_ONCE)])
        asked += AT_ONCE
        let_through = [outcome for outcome in outcomes if isinstance(outcome, Granted)]
        passed += [outcome.now_us for outcome in let_through]
        for outcome in let_through:
            store.settle(outcome.reservation, tokens=10, cost=0)
        if not let_through:
            await asyncio.sleep(0.005)  # so that others get their share of the machine
    print(json.dumps({"asked": asked, "passed": passed}), flush=True)
    running.cancel()
    await asyncio.wait([running])


async def hold(url: str, name: str) -> None:
    store = RedisLimitStore(url, timeout_s=10, lease_s=1.5)
    running = asyncio.create_task(store.run())
    await store.connected()
    for number in range(2):
        claims = [Claim(f"{name}:parallel", "parallel", 2, 1)]
        assert isinstance(
            await store.reserve(f"{name}{number}", claims, [BudgetClaim(name, "p", 100, 50, 0, True)]), Granted
        )
    print("ready", flush=True)
    await running


if __name__ == "__main__":
    if sys.argv[1] == "hold":
        uvloop.run(hold(*sys.argv[2:4]))
    else:
        url, name, limit, calls, window_s, seconds = sys.argv[2:]
        uvloop.run(hammer(url, name, int(limit), int(calls), float(window_s), float(seconds)))
