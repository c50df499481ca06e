"""Health from registered pings: a service says what it depends on, and readiness asks each with a bounded wait."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

Ping = Callable[[], Awaitable[None]]
"""Raises when the dependency does not answer."""

_PING_TIMEOUT_S: Final = 2.0


async def readiness(pings: Mapping[str, Ping]) -> tuple[bool, dict[str, str]]:
    """Whether all pings answer, and each one's `ok` or the kind of its failure (never its text, which may hold addresses)."""

    async def check(ping: Ping) -> str:
        try:
            async with asyncio.timeout(_PING_TIMEOUT_S):
                await ping()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the answer is "not ready"
            return type(error).__name__
        return "ok"

    results = dict(zip(pings, await asyncio.gather(*(check(ping) for ping in pings.values())), strict=True))
    return all(result == "ok" for result in results.values()), results
