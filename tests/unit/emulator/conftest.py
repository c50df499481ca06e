"""An emulator in this process, and the official SDK pointed at it without anything between."""

from collections.abc import AsyncIterator

import httpx
import pytest
from openai import AsyncOpenAI

from common.testing.emulator import Emulator


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator


@pytest.fixture
async def client(emulator: Emulator) -> AsyncIterator[AsyncOpenAI]:
    """The SDK does not retry: a test counts its calls."""
    async with AsyncOpenAI(base_url=emulator.base_url, api_key="sk-test", max_retries=0, timeout=10) as client:
        yield client


@pytest.fixture
async def http(emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    """For what the SDK would not send. Without certificates, which take longer to load than a test to run."""
    async with httpx.AsyncClient(base_url=emulator.url, timeout=10, verify=False) as http:
        yield http
