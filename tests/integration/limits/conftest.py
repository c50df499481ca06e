"""Stores on a real server, as replicas of one installation have them, and a server of a test's own to be killed."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from redis.asyncio import Redis

from devstack.servers.valkey import ValkeyServer
from edge_proxy.limits.port import BudgetClaim, Claim, Granted, Refused
from edge_proxy.limits.redis import RedisLimitStore

MakeStore = Callable[..., Awaitable[RedisLimitStore]]
PERIOD = "2026-11-01T00:00:00+00:00"


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def make_replica(redis_url: str) -> AsyncIterator[MakeStore]:
    """A connected replica; a busy machine must not pass for an outage, but where that is the test."""
    running: list[asyncio.Task[None]] = []

    async def make(url: str = redis_url, *, timeout_s: float = 5, **options: Any) -> RedisLimitStore:
        store = RedisLimitStore(url, timeout_s=timeout_s, **options)
        running.append(asyncio.create_task(store.run()))
        async with asyncio.timeout(10):
            await store.connected()
        return store

    yield make
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def name() -> str:
    """One that no other test uses."""
    return secrets.token_hex(6)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path / "valkey") as server:
        yield server


def requests(name: str, limit: int) -> Claim:
    return Claim(f"{name}:requests", "requests", limit, 1)


def tokens(name: str, limit: int, amount: int) -> Claim:
    return Claim(f"{name}:tokens", "tokens", limit, amount)


def slot(name: str, limit: int) -> Claim:
    return Claim(f"{name}:parallel", "parallel", limit, 1)


def budget(name: str, limit: int, amount: int, *, known: int = 0, hard: bool = True) -> BudgetClaim:
    return BudgetClaim(name, PERIOD, limit, amount, known, hard)


def granted(outcome: Granted | Refused) -> Granted:
    assert isinstance(outcome, Granted)
    return outcome


def refused(outcome: Granted | Refused) -> Refused:
    assert isinstance(outcome, Refused)
    return outcome


async def soon(condition: Callable[[], Awaitable[bool]], *, within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.02)
