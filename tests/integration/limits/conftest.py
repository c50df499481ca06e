"""Limits on a real Valkey, on the event loop the edge runs on."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import redis
import uvloop

from edge_proxy.limits.store import RedisLimits


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def store(redis_url: str) -> AsyncIterator[RedisLimits]:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    store = RedisLimits(redis_url)
    yield store
    await store.close()
