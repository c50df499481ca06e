"""Callers that go on calling whatever happens, and what they saw."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

PAUSE_S = 1.5
DOWN_S = 3.0
ENOUGH = 10  # whole calls
ENOUGH_S = 30.0  # for them, on a machine that is busy with other tests too


@dataclass
class Outcome:
    started: float
    ended: float
    edge: str
    alias: str
    ok: bool
    status: int | None
    what: str


@dataclass
class Load:
    """So many callers, each making one call after another, whole and streamed, through all edges."""

    stack: Any
    callers: int = 50
    aliases: Sequence[str] = ("plain", "stream")
    outcomes: list[Outcome] = field(default_factory=list)
    going: bool = True

    async def run(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self.callers)
        headers = {"authorization": f"Bearer {self.stack.key}"}
        async with httpx.AsyncClient(headers=headers, timeout=30, limits=limits) as client:
            await asyncio.gather(*(self._caller(client, random.Random(number)) for number in range(self.callers)))

    async def _caller(self, client: httpx.AsyncClient, choice: random.Random) -> None:
        while self.going:
            edge = choice.choice(self.stack.edges)
            alias = choice.choice(self.aliases)
            started = time.monotonic()
            body = {"model": alias, "messages": [{"role": "user", "content": "x"}], "stream": "stream" in alias}
            status = None
            try:
                response = await client.post(f"{edge}/v1/chat/completions", json=body)
                status = response.status_code
                ok = status == 200 and ("stream" not in alias or response.text.endswith("data: [DONE]\n\n"))
                what = f"{status} {response.text[-300:]}"
            except httpx.HTTPError as error:
                ok, what = False, repr(error)
            if not ok:
                await asyncio.sleep(0.05)
            self.outcomes.append(Outcome(started, time.monotonic(), edge, alias, ok, status, what))

    def within(self, start: float, end: float) -> list[Outcome]:
        """Calls that were wholly made between two moments."""
        return [outcome for outcome in self.outcomes if outcome.started >= start and outcome.ended <= end]

    async def enough(self, start: float, *, aliases: Sequence[str] = ()) -> list[Outcome]:
        """Waits for as many whole calls since a moment as tell something (of each of `aliases`, if named)."""
        async with asyncio.timeout(ENOUGH_S):
            while True:
                made = self.within(start, time.monotonic())
                counts = [sum(call.alias == alias for call in made) for alias in aliases] or [len(made)]
                if min(counts) >= ENOUGH:
                    return made
                await asyncio.sleep(0.05)

    async def all_succeed(self, start: float) -> None:
        """Waits for enough of them since a moment, and asserts that none failed."""
        assert [call.what for call in await self.enough(start) if not call.ok][:3] == []


@asynccontextmanager
async def load(stack: Any, **fields: Any) -> AsyncIterator[Load]:
    """Under way; it ends with the block, and then all its calls have ended."""
    made = Load(stack, **fields)
    running = asyncio.create_task(made.run())
    await asyncio.sleep(PAUSE_S)
    try:
        yield made
    finally:
        made.going = False
        await running
