"""Reading a bucket whole, always: a reader that sees a part of it would take records for missing."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from nats.aio.client import Client
from nats.js.client import JetStreamContext
from nats.js.errors import BucketNotFoundError

from common.bus import buckets
from common.bus.bucket_watch import watch_bucket
from common.bus.buckets import BucketFollower
from common.bus.connection import Bus
from common.bus.records import Revision, delete_record, put_record, read_bucket, read_revision


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[Bus]:
    bus = Bus(url=nats_url, name="test")
    await bus.start()
    await bus.connected(timeout=10)
    yield bus
    await bus.close()


@pytest.fixture
async def bucket(bus: Bus) -> AsyncIterator[str]:
    """With the records a, b and c, and one that was deleted."""
    name = f"test_{secrets.token_hex(4)}"
    store = await bus.jetstream().create_key_value(bucket=name)
    for key in ("a", "b", "c", "gone"):
        await store.put(key, key.encode())
    await store.delete("gone")
    yield name
    await bus.jetstream().delete_key_value(name)


CONTENT = {"a": b"a", "b": b"b", "c": b"c"}


async def test_a_bucket_is_read_whole_every_time_and_leaves_nothing_behind(bus: Bus, bucket: str) -> None:
    for _ in range(300):
        assert await read_bucket(bus.jetstream(), bucket) == CONTENT

    assert (await bus.jetstream().stream_info(f"KV_{bucket}")).state.consumer_count == 0


async def test_a_large_bucket_is_read_whole(bus: Bus, bucket: str) -> None:
    jetstream = bus.jetstream()
    await asyncio.gather(*(jetstream.publish(f"$KV.{bucket}.k{n}", b"x" * 500) for n in range(2000)))

    assert len(await read_bucket(jetstream, bucket)) == 2003


async def test_an_empty_bucket_is_read_as_empty(bus: Bus, bucket: str) -> None:
    await bus.jetstream().purge_stream(f"KV_{bucket}")

    assert await read_bucket(bus.jetstream(), bucket) == {}


async def test_a_missing_bucket_is_an_error(bus: Bus) -> None:
    with pytest.raises(BucketNotFoundError):
        await read_bucket(bus.jetstream(), "nowhere")
    with pytest.raises(BucketNotFoundError):
        await read_revision(bus.jetstream(), "nowhere", "a")


async def test_a_follower_starts_from_the_whole_content_every_time(bus: Bus, bucket: str) -> None:
    for _ in range(60):
        contents: list[Mapping[str, bytes]] = []

        async def keep(content: Mapping[str, bytes], contents: list[Mapping[str, bytes]] = contents) -> None:
            contents.append(content)

        follower = BucketFollower(bus=bus, bucket=bucket, on_content=keep, on_change=lambda _key, _value: None)
        following = asyncio.create_task(follower.run())
        async with asyncio.timeout(5):
            while not contents:
                await asyncio.sleep(0.001)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert contents == [CONTENT]


async def test_a_record_can_be_written_deleted_and_written_again(bus: Bus, bucket: str) -> None:
    jetstream: JetStreamContext = bus.jetstream()
    for key in ("new", "a", "gone"):
        await put_record(jetstream, bucket, key, b"1", on=await read_revision(jetstream, bucket, key))
        written = await read_revision(jetstream, bucket, key)
        await delete_record(jetstream, bucket, key, on=written)
        deleted = await read_revision(jetstream, bucket, key)

        assert (written.exists, deleted.exists) == (True, False)
        assert deleted.number > written.number > 0
        await delete_record(jetstream, bucket, key, on=deleted)
        assert await read_revision(jetstream, bucket, key) == deleted
        await put_record(jetstream, bucket, key, b"2", on=deleted)
    assert await read_revision(jetstream, bucket, "never") == Revision(0, exists=False)


async def test_a_connection_that_is_looking_for_its_server_ends_when_it_is_closed(nats_url: str) -> None:
    bus = Bus(url=nats_url, name="test")
    await bus.start()
    await bus.connected(timeout=10)
    client: Client = bus.client
    bus._up.clear()  # what a lost connection looks like to it

    await bus.close()

    assert client.is_closed


async def test_a_bucket_that_takes_long_to_read_is_not_given_up_while_it_comes(
    bus: Bus, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its records takes half as long as a follower that hears nothing is content to wait."""
    monkeypatch.setattr(buckets, "_CHECK_S", 0.2)
    reads = 0

    async def slow_watch(*arguments: Any) -> AsyncIterator[Any]:
        nonlocal reads
        reads += 1
        async for change in watch_bucket(*arguments):
            await asyncio.sleep(0.1)
            yield change

    monkeypatch.setattr(buckets, "watch_bucket", slow_watch)
    for number in range(6):
        await (await bus.jetstream().key_value(bucket)).put(f"d{number}", b"d")
    whole: asyncio.Future[Mapping[str, bytes]] = asyncio.get_running_loop().create_future()

    async def on_content(content: Mapping[str, bytes]) -> None:
        whole.set_result(content)

    follower = BucketFollower(bus=bus, bucket=bucket, on_content=on_content, on_change=lambda *_: None)
    following = asyncio.create_task(follower.run())
    try:
        async with asyncio.timeout(5):
            assert len(await whole) == 9
    finally:
        following.cancel()
        await asyncio.wait({following})
    assert reads == 1
