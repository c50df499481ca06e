"""Prices that change at a moment: every call costs what was in force when it began to be counted."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from common.events.control import PriceChange
from common.testing.emulator import Emulator

MODEL = "emulated-tokens-1000-0-10-0"


async def test_a_price_changes_at_its_moment_without_a_word_from_anybody(control: Any, edge: Any) -> None:
    async with Emulator(api_key="sk-upstream") as emulator:
        route = control.route(emulator.base_url, MODEL, credential="sk-upstream")
        begins = datetime.now(UTC) + timedelta(seconds=2)
        change = PriceChange(effective_from=begins, prices={"input": 7_000_000}, price_version="prc_later")
        await control.models("changing", msgspec.structs.replace(route, price_changes=[change]))
        key = await control.key(await control.tenant())
        body = {"model": "changing", "messages": [{"role": "user", "content": "Hi"}]}

        async with httpx.AsyncClient(base_url=edge.url, headers={"authorization": f"Bearer {key}"}) as client:
            calls = 0
            while datetime.now(UTC) < begins + timedelta(seconds=1.5):
                calls += (await client.post("/v1/chat/completions", json=body)).status_code == 200
                await asyncio.sleep(0.1)
        events = await control.usage(calls)

    before = [event for event in events if event.time < begins]
    after = [event for event in events if event.time > begins + timedelta(seconds=0.5)]
    assert before
    assert after
    assert {event.data.price_version for event in before} == {"prc_test"}
    assert {event.data.price_version for event in after} == {"prc_later"}
    assert {(event.data.cost_nano_usd, event.data.lines[1].price) for event in after} == {("7000", "0")}
