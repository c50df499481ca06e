"""A real language model behind the edge. Its answers are nonsense, so shapes, streaming and accounting are what is looked at."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from devstack.servers.small_model import SmallModelServer

ASK: Any = [{"role": "user", "content": "Say hello in one sentence."}]


@pytest.fixture
async def sdk(control: Any, edge: Any, tmp_path: Path) -> AsyncIterator[AsyncOpenAI]:
    model = SmallModelServer(tmp_path / "model")
    await asyncio.to_thread(model.start)
    key = await control.key(await control.tenant())
    await control.model("demo", model.url, model="smollm2-135m")
    async with httpx.AsyncClient(base_url=edge.url, headers={"authorization": f"Bearer {key}"}) as client:
        while (await client.get("/v1/models/demo")).status_code != 200:
            await asyncio.sleep(0.01)
    async with AsyncOpenAI(base_url=f"{edge.url}/v1", api_key=key, max_retries=0) as sdk:
        yield sdk
    await asyncio.to_thread(model.stop)


async def test_whole_and_streamed_answers_with_their_usage_in_the_ledgers_events(
    sdk: AsyncOpenAI, control: Any
) -> None:
    whole = await sdk.chat.completions.create(model="demo", messages=ASK, max_tokens=16)
    assert whole.choices[0].message.content
    assert whole.usage is not None
    pieces, usage = 0, None
    stream = await sdk.chat.completions.create(
        model="demo", messages=ASK, max_tokens=16, stream=True, stream_options={"include_usage": True}
    )
    async for chunk in stream:
        pieces += bool(chunk.choices and chunk.choices[0].delta.content)
        usage = chunk.usage or usage
    assert pieces > 1
    assert usage is not None
    first, second = await control.usage(2)
    for event, reported in ((first, whole.usage), (second, usage)):
        tokens = event.data.tokens
        assert (tokens.input, tokens.output) == (reported.prompt_tokens, reported.completion_tokens)
        assert not event.data.estimated
        assert int(event.data.cost_nano_usd) > 0
    assert second.data.first_token_ms <= second.data.latency_ms
