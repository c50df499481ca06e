"""Replicas are restarted one after the other under load, as an upgrade does: no call fails and no stream is cut."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

CALLERS = 30
ALIASES = ("plain", "stream", "long-stream")


class Balancer:
    """Calls go to the replicas that were ready when they were last asked, in turn; to the next one where nobody listens any more.

    That is all a load balancer may do: a request that was sent is never sent again. Connections are kept and used again.
    """

    def __init__(self, client: httpx.AsyncClient, edges: list[str]) -> None:
        self._client = client
        self._edges = edges
        self.ready = list(edges)
        self._turn = itertools.count()

    async def watch(self) -> None:
        while True:
            self.ready = [edge for edge in self._edges if await self._is_ready(edge)]
            await asyncio.sleep(0.1)

    async def post(self, body: dict[str, Any]) -> httpx.Response:
        while True:
            edge = self.ready[next(self._turn) % len(self.ready)]
            try:
                return await self._client.post(f"{edge}/v1/chat/completions", json=body)
            except httpx.ConnectError:
                await asyncio.sleep(0.05)

    async def _is_ready(self, edge: str) -> bool:
        try:
            return (await self._client.get(f"{edge}/readyz")).status_code == 200
        except httpx.ConnectError:
            return False


@asynccontextmanager
async def balancer(stack: Any) -> AsyncIterator[Balancer]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=2 * CALLERS)
    headers = {"authorization": f"Bearer {stack.key}"}
    async with httpx.AsyncClient(headers=headers, timeout=30, limits=limits) as client:
        made = Balancer(client, stack.edges)
        watching = asyncio.create_task(made.watch())
        yield made
        watching.cancel()


def question(alias: str) -> dict[str, Any]:
    return {"model": alias, "messages": [{"role": "user", "content": "x"}], "stream": alias != "plain"}


@pytest.mark.timeout(120)
async def test_an_upgrade_drops_nothing(stack: Any) -> None:
    failed: list[str] = []
    served: Counter[str] = Counter()
    is_over = asyncio.Event()

    async def caller(balancer: Balancer, number: int) -> None:
        for alias in itertools.islice(itertools.cycle(ALIASES), number, None):
            if is_over.is_set():
                return
            try:
                response = await balancer.post(question(alias))
            except httpx.HTTPError as error:
                failed.append(f"{alias}: {error!r}")
                continue
            if response.status_code == 200 and (alias == "plain" or response.text.endswith("data: [DONE]\n\n")):
                served[alias] += 1
            else:
                failed.append(f"{alias}: {response.status_code} {response.text[-300:]}")

    async with balancer(stack) as between:
        calling = [asyncio.create_task(caller(between, number)) for number in range(CALLERS)]
        await asyncio.sleep(2)
        for name, edge in zip(("edge-1", "edge-2"), stack.edges, strict=True):
            service = stack.services[name]
            stopping = asyncio.create_task(asyncio.to_thread(service.stop))
            async with asyncio.timeout(10):
                while edge in between.ready:
                    await asyncio.sleep(0.02)
            assert not stopping.done(), "it was not ready any more before it had gone"
            await stopping
            service.start()
            await service.ready()
            async with asyncio.timeout(10):
                while edge not in between.ready:
                    await asyncio.sleep(0.02)
        await asyncio.sleep(2)
        is_over.set()
        await asyncio.gather(*calling)
    assert failed == []
    assert all(served[alias] >= CALLERS for alias in ALIASES), served


@pytest.mark.timeout(60)
async def test_a_stream_that_outlasts_the_deadline_is_told_so_and_accounted(stack: Any) -> None:
    async with balancer(stack) as between:
        between.ready = stack.edges[:1]
        asking = asyncio.create_task(between.post(question("endless-stream")))
        async with asyncio.timeout(10):
            while not any(call["path"] == "/v1/chat/completions" for call in stack.provider_calls()):
                await asyncio.sleep(0.05)
        began = time.monotonic()
        await asyncio.to_thread(stack.services["edge-1"].stop)
        assert time.monotonic() - began >= 4
        text = (await asking).text
    assert "data: [DONE]" not in text
    assert '"code":"gateway_stopping"' in text.splitlines()[-2]
    async with asyncio.timeout(20):
        while not (rows := await stack.ledger("SELECT status, output_tokens FROM ledger.usage_entries")):
            await asyncio.sleep(0.2)
    [row] = rows
    assert row["status"] == "interrupted"
    assert row["output_tokens"] > 20
