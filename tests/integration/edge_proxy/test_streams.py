"""As many streams as a replica may carry, and not one more."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from common.testing.emulator import Emulator

MODEL = "emulated-chunks-20-delay-50"


async def test_one_stream_too_many_is_refused_and_plain_calls_go_on(
    control: Any, run_an_edge: Any, tmp_path: Path
) -> None:
    async with (
        Emulator(api_key="sk-upstream") as emulator,
        run_an_edge(max_streams=2, state_dir=tmp_path / "s") as edge,
    ):
        await control.model(MODEL, emulator.base_url, model=MODEL, credential="sk-upstream")
        key = await control.key(await control.tenant())
        async with httpx.AsyncClient(
            base_url=edge.url, headers={"authorization": f"Bearer {key}"}, timeout=20
        ) as client:
            while (await client.get(f"/v1/models/{MODEL}")).status_code != 200:
                await asyncio.sleep(0.01)

            async def call(*, stream: bool) -> httpx.Response:
                body = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
                return await client.post("/v1/chat/completions", json=body)

            running = [asyncio.create_task(call(stream=True)) for _ in range(2)]
            await asyncio.sleep(0.3)
            refused = await call(stream=True)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "too_many_streams")
            assert refused.headers["retry-after"] == "1"
            assert (await call(stream=False)).status_code == 200
            ended = await asyncio.gather(*running)
            assert [response.status_code for response in ended] == [200, 200]
            assert all(b"[DONE]" in response.content for response in ended)
            assert (await call(stream=True)).status_code == 200
        assert len(await control.usage(4)) == 4
