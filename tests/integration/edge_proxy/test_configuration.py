"""How configuration reaches the edge, and what the edge does while it cannot."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from common.events import subjects
from common.events.control import Capabilities
from devstack.servers.nats import NatsServer

NOWHERE = "http://127.0.0.1:9/v1"


async def models(edge: Any, key: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"{edge.url}/v1/models", headers={"authorization": f"Bearer {key}"})


async def names(edge: Any, key: str) -> list[str]:
    listed = (await models(edge, key)).json()
    return [model["id"] for model in listed["data"]] if "data" in listed else [listed["error"]["code"]]


async def eventually(check: Callable[[], Awaitable[bool]], *, within: float = 1.0) -> float:
    """Seconds until `check` holds; fails after `within`."""
    started = time.monotonic()
    while not await check():
        assert time.monotonic() - started < within, "not in force in time"
        await asyncio.sleep(0.005)
    return time.monotonic() - started


async def test_a_key_works_on_every_edge_the_moment_it_is_accepted(
    control: Any, run_an_edge: Any, tmp_path: Path
) -> None:
    async with run_an_edge(state_dir=tmp_path / "a") as first, run_an_edge(state_dir=tmp_path / "b") as second:
        tenant = await control.tenant()
        await control.model("m", NOWHERE, model="x")
        for _ in range(20):
            key = await control.key(tenant)
            assert (await models(first, key)).status_code == 200
            assert (await models(second, key)).status_code == 200


async def test_a_revoked_key_stops_on_every_edge_within_a_second(
    control: Any, run_an_edge: Any, tmp_path: Path
) -> None:
    async with run_an_edge(state_dir=tmp_path / "a") as first, run_an_edge(state_dir=tmp_path / "b") as second:
        key = await control.key(await control.tenant())
        assert [(await models(edge, key)).status_code for edge in (first, second)] == [200, 200]
        await control.revoke(key)

        async def refused() -> bool:
            return [(await models(edge, key)).status_code for edge in (first, second)] == [401, 401]

        await eventually(refused)


async def test_tenant_policy_decides_what_is_seen_and_used(control: Any, edge: Any) -> None:
    for alias in ("a", "b/with:odd chars", "c"):
        await control.model(alias, NOWHERE, model="x")
    everything = await control.key(await control.tenant())
    nothing = await control.key(await control.tenant(models=[]))
    tenant = await control.tenant(models=["a", "c", "gone"])
    some = await control.key(tenant)

    async def arrived() -> bool:
        return await names(edge, everything) == ["a", "b/with:odd chars", "c"]

    await eventually(arrived)
    assert await names(edge, nothing) == []
    assert await names(edge, some) == ["a", "c"]
    headers = {"authorization": f"Bearer {some}"}
    async with httpx.AsyncClient(base_url=edge.url, headers=headers) as client:
        assert (await client.get("/v1/models/a")).json()["id"] == "a"
        for model in ("b/with:odd chars", "gone", "never"):
            for refused in (
                await client.get(f"/v1/models/{model}"),
                await client.post("/v1/chat/completions", json={"model": model, "messages": []}),
            ):
                assert refused.status_code == 404
                assert refused.json()["error"]["code"] == "model_not_found"
    await control.tenant(id_=tenant, status="suspended")

    async def suspended() -> bool:
        return bool((await models(edge, some)).json().get("error", {}).get("code") == "tenant_suspended")

    await eventually(suspended)
    assert (await models(edge, some)).status_code == 403


async def test_an_expired_key_is_refused_by_name(control: Any, edge: Any) -> None:
    tenant = await control.tenant()
    expired = await control.key(tenant, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    alive = await control.key(tenant, expires_at=datetime.now(UTC) + timedelta(hours=1))
    assert (await models(edge, expired)).json()["error"]["code"] == "expired_api_key"
    assert (await models(edge, alive)).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Basic abc",
        "Bearer sk-short",
        "Bearer sk-" + "a" * 48,
        "Bearer \xe9\xff",
        "x" * 9000,
    ],
)
async def test_no_key_no_entry(edge: Any, authorization: str | None) -> None:
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    async with httpx.AsyncClient(base_url=edge.url) as client:
        for response in (
            await client.get("/v1/models", headers=headers),
            await client.post("/v1/chat/completions", headers=headers, json={}),
        ):
            assert response.status_code == 401
            assert response.json()["error"]["code"] == "invalid_api_key"
            assert response.headers["x-request-id"].startswith("req_")


async def test_the_edge_starts_and_serves_from_disk_with_nats_down(
    control: Any, run_an_edge: Any, nats_server: NatsServer
) -> None:
    key = await control.key(await control.tenant())
    await control.model("m", NOWHERE, model="x", credential="sk-upstream-secret")
    async with run_an_edge() as edge:

        async def arrived() -> bool:
            return await names(edge, key) == ["m"]

        await eventually(arrived)
        saved = edge.settings.state_dir / "configuration.jsonl"

        async def kept() -> bool:
            return saved.exists() and b'"alias"' in saved.read_bytes() and key[:10].encode() not in saved.read_bytes()

        await eventually(kept, within=5)
        assert saved.stat().st_mode & 0o077 == 0
        assert b"sk-upstream-secret" not in saved.read_bytes()
    nats_server.kill()
    async with run_an_edge() as edge:
        assert await names(edge, key) == ["m"]
        async with httpx.AsyncClient(base_url=edge.url) as client:
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]["nats"]) == (200, "disconnected")
        nats_server.start()

        async def reconnected() -> bool:
            async with httpx.AsyncClient(base_url=edge.url) as client:
                return bool((await client.get("/readyz")).json()["checks"]["nats"] == "ok")

        await eventually(reconnected, within=10)
        await control.revoke(key)

        async def refused() -> bool:
            return (await models(edge, key)).status_code == 401

        await eventually(refused, within=3)


async def test_changes_made_while_the_edge_was_cut_off_are_caught_up(
    control: Any, edge: Any, nats_server: NatsServer
) -> None:
    tenant = await control.tenant()
    revoked, kept = await control.key(tenant), await control.key(tenant)
    assert (await models(edge, revoked)).status_code == 200
    nats_server.kill()
    assert (await models(edge, revoked)).status_code == 200
    nats_server.start()
    await control.revoke(revoked)

    async def refused() -> bool:
        return (await models(edge, revoked)).status_code == 401

    await eventually(refused, within=10)
    assert (await models(edge, kept)).status_code == 200


async def test_without_any_configuration_the_edge_is_not_ready_and_says_so(run_an_edge: Any, tmp_path: Path) -> None:
    async with (
        run_an_edge(ready=False, nats_url="nats://127.0.0.1:9") as edge,
        httpx.AsyncClient(base_url=edge.url) as client,
    ):
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        refused = await client.get("/v1/models", headers={"authorization": "Bearer sk-" + "a" * 48})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "not_configured")


@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe", b"{", b"[]", b"null", b'{"alias":1}', b"x" * 500_000])
async def test_garbage_in_the_buckets_stops_nothing(control: Any, edge: Any, garbage: bytes) -> None:
    key = await control.key(await control.tenant())
    await control.model("m", NOWHERE, model="x")
    for bucket in subjects.CONFIG_BUCKETS:
        await control.put(bucket, "garbage", garbage)
        await control.put(bucket, subjects.catalog_key("broken"), garbage)

    async def arrived() -> bool:
        return await names(edge, key) == ["m"]

    await eventually(arrived)
    await control.model("n", NOWHERE, model="x")

    async def still_following() -> bool:
        return await names(edge, key) == ["m", "n"]

    await eventually(still_following)


async def test_an_alias_with_one_unusable_route_lives_by_the_other(control: Any, edge: Any) -> None:
    key = await control.key(await control.tenant())
    route = {"model": "x", "base_url": NOWHERE, "prices": {}, "price_version": "prc_1"}
    for alias, routes in {
        "half": [
            {**route, "id": "rte_1", "provider": "openai-compatible", "credential": "v1.unknown.AAAA"},
            {**route, "id": "rte_2", "provider": "openai-compatible", "credential": None},
        ],
        "none": [{**route, "id": "rte_3", "provider": "no-such-provider", "credential": None}],
    }.items():
        record = {"alias": alias, "created": 1, "routes": routes}
        await control.put(subjects.CATALOG_BUCKET, subjects.catalog_key(alias), msgspec.json.encode(record))

    async def arrived() -> bool:
        return await names(edge, key) == ["half"]

    await eventually(arrived)


async def test_what_a_model_can_do_is_told_with_it(control: Any, edge: Any) -> None:
    key = await control.key(await control.tenant())
    able = Capabilities(context_window=8192, input_modalities=["text", "image"], tools=False)
    await control.models("able", control.route(NOWHERE, "m"), capabilities=able)
    await control.models("unknown", control.route(NOWHERE, "m"))

    async def shown() -> bool:
        return await names(edge, key) == ["able", "unknown"]

    await eventually(shown, within=5)
    listed = {model["id"]: model for model in (await models(edge, key)).json()["data"]}
    assert listed["able"]["capabilities"] == {
        "context_window": 8192,
        "input_modalities": ["text", "image"],
        "tools": False,
    }
    assert listed["unknown"]["capabilities"] == {}
