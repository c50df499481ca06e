"""The configuration buckets are made equal to the tables again, whatever was done to them."""

import base64
from typing import Any

import pytest
from nats.js.api import StorageType, StreamConfig

from admin_api.configuration import keeper as keeper_module
from common.bus.records import read_bucket
from common.events.subjects import CONFIG_BUCKETS, catalog_key
from devstack.servers.nats import NatsServer

ROUTE = {"provider": "openai-compatible", "model": "m", "base_url": "http://127.0.0.1:1/v1", "prices": {"input": "1"}}


async def contents(admin: Any) -> dict[str, dict[str, bytes]]:
    async with admin.nats() as client:
        return {bucket: await read_bucket(client.jetstream(), bucket) for bucket in CONFIG_BUCKETS}


async def eventually_equal(admin: Any, expected: dict[str, dict[str, bytes]], eventually: Any) -> None:
    async def equal() -> bool:
        return await contents(admin) == expected

    await eventually(equal)


@pytest.fixture
async def filled(start_admin: Any, nats_server: NatsServer) -> Any:
    """An admin-api with a little of everything in force, and some that is not."""
    admin = await start_admin(nats_url=nats_server.url)
    await admin.in_force()
    owner, tenant = await admin.owner(), await admin.tenant(models=["m"])
    await admin.tenant()
    await admin.key(tenant["id"])
    revoked = await admin.key(tenant["id"])
    await owner.delete(f"/admin/tenants/{tenant['id']}/api-keys/{revoked['id']}")
    await owner.put("/admin/model-catalog/m", json={"routes": [{**ROUTE, "credential": "secret"}]})
    await owner.put("/admin/model-catalog/off", json={"routes": [ROUTE], "enabled": False})
    await owner.put("/admin/rate-limits", json={"requests_per_minute": 7})
    await owner.post("/admin/budgets", json={"name": "all", "scope": "installation", "amount_usd": "9"})
    await owner.put("/admin/alerts/policy", json={"emails": ["ops@example.com"]})
    assert {name: len(content) for name, content in (await contents(admin)).items()} == {
        "keys": 1,
        "policies": 2,
        "catalog": 1,
        "settings": 1,
        "budgets": 1,
        "alerts": 1,
    }
    return admin


async def test_buckets_of_a_nats_that_lost_everything_are_filled_again(
    filled: Any, nats_server: NatsServer, eventually: Any
) -> None:
    before = await contents(filled)
    async with filled.nats() as client:
        for bucket in CONFIG_BUCKETS:
            await client.jetstream().delete_key_value(bucket)

    await filled.in_force()

    await eventually_equal(filled, before, eventually)


async def test_buckets_are_compared_at_the_start(filled: Any, start_admin: Any, eventually: Any) -> None:
    before = await contents(filled)
    (key,), (alias,) = before["keys"], before["catalog"]
    async with filled.nats() as client:
        jetstream = client.jetstream()
        await (await jetstream.key_value("keys")).delete(key)
        await (await jetstream.key_value("keys")).put("ab" * 32, b'{"key_id":"key_x","tenant_id":"tnt_x"}')
        await (await jetstream.key_value("policies")).put("tnt_" + "0" * 32, b"{}")
        await (await jetstream.key_value("catalog")).put(alias, b"\xff\xfegarbage")
        await (await jetstream.key_value("catalog")).put(catalog_key("stale"), b"{}")
        await (await jetstream.key_value("settings")).delete("limits")
        await (await jetstream.key_value("settings")).put("stale", b"{}")

    await start_admin(nats_url=filled.settings.nats_url.get_secret_value(), database_url=filled.database_url)

    await eventually_equal(filled, before, eventually)


async def test_garbage_of_any_kind_is_removed_and_breaks_nothing(
    filled: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    before = await contents(filled)
    monkeypatch.setattr(keeper_module, "_COMPARE_ANYWAY_S", 0)
    nul = base64.urlsafe_b64encode(b"\x00\x01").decode().rstrip("=")
    async with filled.nats() as client:
        for bucket in CONFIG_BUCKETS:
            for key in ("x", "a.b.c", "é", "ZGVtbx", nul, "=", "x" * 300, "%00", "💥"):
                await client.jetstream().publish(f"$KV.{bucket}.{key}", b"\x00\xff")
            await client.jetstream().publish(f"$KV.{bucket}.deleted", b"", headers={"KV-Operation": "DEL"})
            await client.jetstream().publish(f"$KV.{bucket}.odd", b"{}", headers={"KV-Operation": "PURGE"})

    await eventually_equal(filled, before, eventually)

    reply = await (await filled.owner()).post("/admin/tenants", json={"name": "Still alive"})
    assert reply.status_code == 201


async def test_a_bucket_that_went_back_to_an_older_state_is_noticed(
    filled: Any, nats_server: NatsServer, eventually: Any
) -> None:
    """A restored copy of NATS's folder: the same bucket, with fewer messages than were acknowledged."""
    tenant = (await (await filled.owner()).get("/admin/tenants")).json()["data"][0]
    before = await contents(filled)
    async with filled.nats() as client:
        jetstream = client.jetstream()
        config = (await jetstream.stream_info("KV_policies")).config
        await jetstream.delete_stream("KV_policies")
        await jetstream.add_stream(
            StreamConfig(**{**config.__dict__, "storage": StorageType.FILE, "placement": None, "metadata": None})
        )
        await jetstream.publish(f"$KV.policies.{tenant['id']}", b'{"tenant_id":"x","status":"active"}')

    await eventually_equal(filled, before, eventually)


async def test_a_comparison_while_changes_are_made_loses_none(
    filled: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    monkeypatch.setattr(keeper_module, "_COMPARE_ANYWAY_S", 0)
    monkeypatch.setattr(keeper_module, "_LOOK_S", 0.005)
    owner, tenant = await filled.owner(), await filled.tenant()

    for number in range(25):
        models = [f"m{number}"]
        reply = await owner.patch(f"/admin/tenants/{tenant['id']}", json={"models": models})
        assert reply.status_code == 200
        assert (await filled.record("policies", tenant["id"]))["models"] == models
