"""Stores on a real Valkey, as replicas of one installation have them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from edge_proxy.idempotency.first import First
from edge_proxy.idempotency.options import Options
from edge_proxy.idempotency.replay import Replay
from edge_proxy.idempotency.scope import Scope
from edge_proxy.idempotency.store import IdempotencyStore

KEY_HASH_SECRET = b"k" * 32
JSON_TYPE = [(b"content-type", b"application/json")]
EVENT_STREAM = [(b"content-type", b"text/event-stream")]

MakeStore = Callable[..., IdempotencyStore]
Claim = AbstractAsyncContextManager[First | Replay]


@pytest.fixture
async def make_store(redis_url: str) -> AsyncIterator[MakeStore]:
    """A replica's store; `url` and options as given."""
    made: list[IdempotencyStore] = []

    def make(url: str = redis_url, **options: object) -> IdempotencyStore:
        # A busy machine must not pass for an outage, but where that is the test.
        options.setdefault("redis_timeout", 2.0)
        made.append(IdempotencyStore(url=url, key_hash_secret=KEY_HASH_SECRET, options=Options(**options)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for store in made:
        await store.close()


@pytest.fixture
def store(make_store: MakeStore) -> IdempotencyStore:
    return make_store()


@pytest.fixture
def scope() -> Scope:
    """One that no other test uses."""
    return Scope(tenant_id="tnt_1", key_id="key_1", path="/v1/chat/completions", key=secrets.token_hex(8))


async def is_first(claim: Claim) -> bool:
    """Whether it is, and let it go."""
    async with claim as claimed:
        return isinstance(claimed, First)


async def record(claim: Claim, body: bytes, *, status: int = 200) -> None:
    """A First that answers with `body`, whole."""
    async with claim as first:
        assert isinstance(first, First)
        await first.record(status, JSON_TYPE, body)


async def replayed(claim: Claim) -> bytes:
    """The body of a Replay."""
    async with claim as replay:
        assert isinstance(replay, Replay)
        return await replay.body()


async def soon(condition: Callable[[], Awaitable[bool]], *, within: float = 5) -> None:
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.01)
