"""Health from registered pings: a service says what it depends on, and readiness asks each with a bounded wait."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

Ping = Callable[[], Awaitable[None]]
"""Raises when the dependency does not answer."""

Pings = Mapping[str, Ping]

_PING_TIMEOUT_S: Final = 2.0


async def readiness(required: Mapping[str, Ping], reported: Mapping[str, Ping]) -> tuple[bool, dict[str, str]]:
    """Whether all required pings answer, and of every ping `ok` or the kind of its failure (its text may hold addresses).

    `reported` are dependencies without which the service still serves: taking every replica out of service because NATS is
    away would turn a delay into an outage.
    """

    async def check(ping: Ping) -> str:
        try:
            async with asyncio.timeout(_PING_TIMEOUT_S):
                await ping()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the answer is "not ready"
            return type(error).__name__
        return "ok"

    pings = {**reported, **required}
    results = dict(zip(pings, await asyncio.gather(*(check(ping) for ping in pings.values())), strict=True))
    return all(results[name] == "ok" for name in required), results
