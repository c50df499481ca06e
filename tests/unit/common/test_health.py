"""Readiness: what is required decides, what is reported is told, and nobody waits for a dependency that hangs."""

import asyncio
import time

from common.http.health import readiness


async def answers() -> None:
    pass


async def fails() -> None:
    raise ConnectionError("host db-7.internal refused")


async def hangs() -> None:
    await asyncio.sleep(3600)


async def test_ready_when_everything_required_answers() -> None:
    assert await readiness({"postgres": answers}, {}) == (True, {"postgres": "ok"})


async def test_not_ready_when_something_required_fails_and_its_text_is_not_told() -> None:
    assert await readiness({"postgres": fails, "redis": answers}, {}) == (
        False,
        {"postgres": "ConnectionError", "redis": "ok"},
    )


async def test_what_is_only_reported_does_not_decide() -> None:
    assert await readiness({"postgres": answers}, {"nats": fails}) == (
        True,
        {"nats": "ConnectionError", "postgres": "ok"},
    )


async def test_dependencies_that_hang_are_given_up_together() -> None:
    started = time.monotonic()

    ready, checks = await readiness({"postgres": hangs, "redis": hangs}, {"nats": hangs})

    assert not ready
    assert set(checks.values()) == {"TimeoutError"}
    assert time.monotonic() - started < 3.5
