"""Compressed request bodies: read as if they were not, refused before they burst."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from common.testing.emulator import Emulator

MODEL = "emulated-tokens-10-0-5-0"
BODY = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hello " * 5000}]}).encode()


@pytest.fixture
async def client(control: Any, edge: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with Emulator(api_key="sk-upstream") as emulator:
        await control.model(MODEL, emulator.base_url, model=MODEL, credential="sk-upstream")
        key = await control.key(await control.tenant())
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        async with httpx.AsyncClient(base_url=edge.url, headers=headers, timeout=20) as client:
            while (await client.get(f"/v1/models/{MODEL}")).status_code != 200:
                await asyncio.sleep(0.01)
            yield client


async def post(client: httpx.AsyncClient, content: bytes, encoding: str) -> tuple[int, str | None]:
    reply = await client.post("/v1/chat/completions", content=content, headers={"content-encoding": encoding})
    return reply.status_code, reply.json().get("error", {}).get("code")


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (gzip.compress(BODY), "gzip"),
        (zlib.compress(BODY), "deflate"),
        (gzip.compress(BODY, compresslevel=0), "gzip"),
        (BODY, "identity"),
    ],
)
async def test_it_is_read_as_if_it_were_not_compressed(
    client: httpx.AsyncClient, content: bytes, encoding: str
) -> None:
    assert await post(client, content, encoding) == (200, None)


@pytest.mark.parametrize("size", [17 * 1024**2, 256 * 1024**2])
async def test_a_bomb_is_refused_before_it_bursts(client: httpx.AsyncClient, size: int) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * 1024**2
    bomb = b"".join(packer.compress(block) for _ in range(size // len(block))) + packer.flush()
    assert len(bomb) < 3 * 1024**2
    assert await post(client, bomb, "gzip") == (413, "request_too_large")


@pytest.mark.parametrize(
    ("content", "encoding", "expected"),
    [
        (BODY, "gzip", (400, "invalid_encoding")),
        (gzip.compress(BODY)[:-9], "gzip", (400, "invalid_encoding")),
        (gzip.compress(BODY) + b"more", "gzip", (400, "invalid_encoding")),
        (BODY, "br", (415, "unsupported_encoding")),
        (BODY, "gzip, gzip", (415, "unsupported_encoding")),
    ],
)
async def test_what_cannot_be_read_is_refused(
    client: httpx.AsyncClient, content: bytes, encoding: str, expected: tuple[int, str]
) -> None:
    assert await post(client, content, encoding) == expected
