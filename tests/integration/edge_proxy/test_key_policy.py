"""What a key may be used for, from where, and with which models."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from common.testing.emulator import Emulator

CALL = {"messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
async def models(control: Any) -> AsyncIterator[tuple[str, str]]:
    async with Emulator(api_key="sk-upstream") as emulator:
        for alias in ("one", "two"):
            await control.model(alias, emulator.base_url, model="emulated", credential="sk-upstream")
        yield "one", "two"


async def call(edge: Any, key: str, model: str = "one", **headers: str) -> httpx.Response:
    headers["authorization"] = f"Bearer {key}"
    async with httpx.AsyncClient(base_url=edge.url, headers=headers) as client:
        async with asyncio.timeout(10):
            while True:
                response = await client.post("/v1/chat/completions", json={"model": model, **CALL})
                # The record of the model may be on its way; of the key it is looked up.
                if response.status_code != 404 or model != "one":
                    return response
                await asyncio.sleep(0.01)


async def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_a_key_serves_only_the_surfaces_in_its_scope(control: Any, edge: Any, models: Any) -> None:
    tenant = await control.tenant()
    assert (await call(edge, await control.key(tenant, scopes=["chat"]))).status_code == 200
    for scopes in (["embeddings", "models"], []):
        assert await code_of(await call(edge, await control.key(tenant, scopes=scopes))) == (403, "scope_not_allowed")
    async with httpx.AsyncClient(base_url=edge.url) as client:
        key = await control.key(tenant, scopes=["chat"])
        listing = await client.get("/v1/models", headers={"authorization": f"Bearer {key}"})
        assert await code_of(listing) == (403, "scope_not_allowed")


async def test_a_key_sees_only_its_models_among_its_tenants(control: Any, edge: Any, models: Any) -> None:
    tenant = await control.tenant(models=["one", "two"])
    key = await control.key(tenant, models=["one", "three"])
    assert (await call(edge, key)).status_code == 200
    assert await code_of(await call(edge, key, "two")) == (404, "model_not_found")
    async with httpx.AsyncClient(base_url=edge.url, headers={"authorization": f"Bearer {key}"}) as client:
        assert [each["id"] for each in (await client.get("/v1/models")).json()["data"]] == ["one"]


async def test_a_key_is_bound_to_the_addresses_it_names(control: Any, edge: Any, models: Any) -> None:
    tenant = await control.tenant()
    here = await control.key(tenant, allowed_addresses=["10.0.0.0/8", "127.0.0.1/32"])
    elsewhere = await control.key(tenant, allowed_addresses=["203.0.113.0/24", "2001:db8::/32"])
    assert (await call(edge, here)).status_code == 200
    assert await code_of(await call(edge, elsewhere)) == (403, "address_not_allowed")
    # Nobody is believed who is not trusted.
    forged = {"x-forwarded-for": "203.0.113.7"}
    assert await code_of(await call(edge, elsewhere, **forged)) == (403, "address_not_allowed")


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("203.0.113.7", 200),
        ("198.51.100.1, 203.0.113.7", 200),  # what the client claimed before the proxy's own word does not count
        ("203.0.113.7, 198.51.100.1", 403),
        ("203.0.113.7, 127.0.0.9", 200),  # a second trusted proxy
        ("::ffff:203.0.113.7", 200),
        ("rubbish", 403),
        ("", 403),
    ],
)
async def test_behind_a_trusted_proxy_its_word_counts(
    control: Any, run_an_edge: Any, models: Any, forwarded: str, status: int
) -> None:
    key = await control.key(await control.tenant(), allowed_addresses=["203.0.113.0/24"])
    async with run_an_edge(trusted_proxies=("127.0.0.0/8", "::1/128")) as edge:
        response = await call(edge, key, **{"x-forwarded-for": forwarded})
    assert response.status_code == status
