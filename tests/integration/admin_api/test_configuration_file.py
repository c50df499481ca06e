"""The block `model_catalog`: the catalog follows the file, an edit through the Admin API beats it, a bad entry stops no other."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from common.events.control import route_credential_purpose
from common.events.subjects import catalog_key
from devstack.servers.nats import NatsServer

LITERAL = {"provider": "openai", "model": "x", "credential": "canary-x", "prices": {}}


def route(model: str, **fields: Any) -> dict[str, Any]:
    prices = {"input": 1, "output": "2.5"}
    return {"provider": "openai", "model": model, "credential_env": "PROVIDER_KEY", "prices": prices, **fields}


class File:
    """The file, and the admin-api that reads it."""

    def __init__(self, path: Path, start_admin: Any, nats_url: str) -> None:
        self.path = path
        self.models: list[Any] = []
        self._start_admin = start_admin
        self._nats_url = nats_url
        self.environment = {"OMG_CONFIG_FILE": str(path), "PROVIDER_KEY": "canary-provider-key"}

    def declare(self, *models: Any, **other: Any) -> None:
        self.path.write_text(yaml.safe_dump({"model_catalog": list(models), **other}))

    async def start(self) -> "File":
        self.admin = await self._start_admin(nats_url=self._nats_url, environment=self.environment)
        await self.admin.in_force()
        self.client: httpx.AsyncClient = await self.admin.signed_in_as("owner")
        async with asyncio.timeout(10):
            while (await self.client.get("/admin/configuration")).json()["read_at"] is None:
                await asyncio.sleep(0.02)
        return self

    async def reload(self) -> dict[str, Any]:
        reply = await self.client.post("/admin/configuration/reload")
        assert reply.status_code == 200, reply.text
        content: dict[str, Any] = reply.json()
        return content

    async def states(self) -> dict[str, str]:
        models = (await self.client.get("/admin/configuration")).json()["models"]
        return {each["alias"]: each["state"] for each in models}

    async def model(self, alias: str) -> Any:
        reply = await self.client.get(f"/admin/model-catalog/{alias}")
        return reply.json() if reply.status_code == 200 else None


@pytest.fixture
def file(start_admin: Any, nats_server: NatsServer, tmp_path: Path) -> File:
    file = File(tmp_path / "gateway.yaml", start_admin, nats_server.url)
    file.declare()
    return file


async def test_what_the_file_declares_is_in_force_after_the_start(file: File, eventually: Any) -> None:
    file.declare(
        {"alias": "big", "routes": [route("gpt-4o", priority=1), route("gpt-4.1")], "fallbacks": ["small"]},
        {"alias": "small", "enabled": False, "routes": [route("gpt-4o-mini")]},
    )
    await file.start()

    big = await file.model("big")
    assert [each["model"] for each in big["routes"]] == ["gpt-4o", "gpt-4.1"]
    assert (big["routes"][0]["priority"], big["routes"][0]["prices"]["input"]) == (1, "1")
    assert big["fallbacks"] == ["small"]
    assert (await file.model("small"))["enabled"] is False
    assert await file.states() == {"big": "in_force", "small": "in_force"}

    async def in_bucket() -> bool:
        return await file.admin.record("catalog", catalog_key("big")) is not None

    await eventually(in_bucket)
    first = (await file.admin.record("catalog", catalog_key("big")))["routes"][0]
    purpose = route_credential_purpose(first["id"])
    assert file.admin.sealer.open(first["credential"], purpose=purpose) == "canary-provider-key"


async def test_edits_of_the_file_take_effect_and_keep_ids(file: File) -> None:
    file.declare(
        {"alias": "a", "routes": [route("one", weight=5, max_output_tokens=9)]}, {"alias": "b", "routes": [route("b")]}
    )
    await file.start()
    before = await file.model("a")
    other = await file.model("b")

    file.declare({"alias": "a", "routes": [route("two")]}, {"alias": "b", "routes": [route("b")]})
    reply = await file.reload()

    after = await file.model("a")
    (old,), (new,) = before["routes"], after["routes"]
    assert (new["model"], new["id"], new["price_version"]) == ("two", old["id"], old["price_version"])
    assert (new["weight"], new["max_output_tokens"]) == (1, None)  # no longer said: the defaults
    assert await file.model("b") == other
    assert reply["problems"] == []
    record = await file.admin.record("catalog", catalog_key("a"))
    assert record["routes"][0]["model"] == "two"


async def test_what_leaves_the_file_leaves_the_catalog_and_nothing_else(file: File) -> None:
    file.declare(*({"alias": alias, "routes": [route(alias)]} for alias in ("stays", "goes", "edited")))
    await file.start()
    body = {"routes": [{"provider": "openai", "model": "mine", "credential": "k", "prices": {}}]}
    assert (await file.client.put("/admin/model-catalog/by-hand", json=body)).status_code == 201
    assert (await file.client.put("/admin/model-catalog/edited", json=body)).status_code == 200

    file.declare({"alias": "stays", "routes": [route("stays")]})
    await file.reload()

    listed = {each["alias"] for each in (await file.client.get("/admin/model-catalog")).json()["data"]}
    assert listed == {"stays", "by-hand", "edited"}
    assert await file.states() == {"stays": "in_force"}
    assert await file.admin.record("catalog", catalog_key("goes")) is None


async def test_a_file_without_the_block_changes_nothing_and_an_empty_block_takes_all(file: File) -> None:
    file.declare({"alias": "a", "routes": [route("a")]})
    await file.start()
    file.path.write_text("observability: {log_level: info}\n")
    await file.reload()
    assert await file.model("a") is not None
    file.path.write_text("model_catalog:\n")
    await file.reload()
    assert await file.model("a") is None


async def test_an_edit_through_the_api_beats_the_file_until_it_is_reset(file: File) -> None:
    file.declare({"alias": "a", "routes": [route("one")]}, {"alias": "b", "routes": [route("one")]})
    await file.start()
    body = {"routes": [{"provider": "openai", "model": "mine", "credential": "k", "prices": {}}]}
    assert (await file.client.put("/admin/model-catalog/a", json=body)).status_code == 200
    assert (await file.client.delete("/admin/model-catalog/b")).status_code == 204
    file.declare({"alias": "a", "routes": [route("two")]}, {"alias": "b", "routes": [route("two")]})

    await file.reload()

    assert (await file.model("a"))["routes"][0]["model"] == "mine"
    assert await file.model("b") is None
    assert await file.states() == {"a": "overridden", "b": "deleted"}
    assert (await file.model("a"))["source"] == "overridden"
    for alias in ("a", "b"):
        reply = await file.client.post("/admin/configuration/reset-model", json={"alias": alias})
        assert reply.status_code == 200, reply.text
        assert (await file.model(alias))["routes"][0]["model"] == "two"
    assert await file.states() == {"a": "in_force", "b": "in_force"}
    body["routes"][0]["model"] = "by hand"
    assert (await file.client.put("/admin/model-catalog/c", json=body)).json()["source"] == "api"
    listed = (await file.client.get("/admin/model-catalog")).json()["data"]
    assert {each["alias"]: each["source"] for each in listed} == {"a": "file", "b": "file", "c": "api"}
    reply = await file.client.post("/admin/configuration/reset-model", json={"alias": "unknown"})
    assert reply.status_code == 404


async def test_a_model_that_was_there_before_the_file_named_it_stays(file: File) -> None:
    await file.start()
    body = {"routes": [{"provider": "openai", "model": "mine", "credential": "k", "prices": {}}]}
    await file.client.put("/admin/model-catalog/a", json=body)
    file.declare({"alias": "a", "routes": [route("one")]})
    await file.reload()
    assert (await file.model("a"))["routes"][0]["model"] == "mine"
    assert await file.states() == {"a": "overridden"}


@pytest.mark.parametrize(
    ("entry", "state", "told"),
    [
        ({"alias": "bad", "routes": []}, "broken", "model_catalog.1.routes"),
        ({"alias": "bad", "routes": [route("x", provider="nobody")]}, "broken", "provider"),
        ({"alias": "bad", "routes": [route("x", credential_env="NOT_SET")]}, "broken", "NOT_SET is not set"),
        ({"alias": "bad", "routes": [route("x")], "fallbacks": ["nowhere"]}, "broken", "nowhere"),
        ({"alias": "bad", "routes": [{**route("x"), "colour": 1}]}, "broken", "colour"),
        ({"alias": "a b", "routes": [route("x")]}, None, "model_catalog.1.alias"),
        ({"alias": "good", "routes": [route("again")]}, None, "declared twice"),
        ("text", None, "model_catalog.1"),
        ({"alias": "bad", "routes": [{**route("x"), "credential": "canary-x"}]}, "broken", "credential is given twice"),
        ({"alias": "bad", "routes": [LITERAL]}, "broken", "a secret is not written here"),
    ],
)  # fmt: skip
async def test_one_bad_entry_is_told_and_stops_no_other(file: File, entry: Any, state: str | None, told: str) -> None:
    file.declare({"alias": "good", "routes": [route("one")]}, {"alias": "bad", "routes": [route("was good")]})
    await file.start()
    file.declare({"alias": "good", "routes": [route("two")]}, entry, {"alias": "new", "routes": [route("new")]})

    reply = await file.reload()

    assert [problem for problem in reply["problems"] if told in problem]
    assert "canary" not in str(reply)
    assert (await file.model("good"))["routes"][0]["model"] == "two"
    assert (await file.model("new"))["routes"][0]["model"] == "new"
    if state is not None:
        assert (await file.states())["bad"] == state
        assert (await file.model("bad"))["routes"][0]["model"] == "was good"  # what worked goes on working
    file.declare({"alias": "good", "routes": [route("two")]}, {"alias": "bad", "routes": [route("good again")]})
    assert (await file.reload())["problems"] == []
    assert await file.states() == {"good": "in_force", "bad": "in_force"}


async def test_a_file_that_cannot_be_used_at_all_changes_nothing(file: File) -> None:
    file.declare({"alias": "a", "routes": [route("a")]})
    await file.start()
    for text, told in [("model_catalog: [", "this is no YAML"), ("model_catalogue: []", "is it model_catalog?")]:
        file.path.write_text(text)
        reply = await file.client.post("/admin/configuration/reload")
        assert reply.status_code == 400
        assert reply.json()["error"]["code"] == "unusable_configuration"
        assert told in reply.json()["error"]["message"]
    assert await file.model("a") is not None


async def test_without_a_file_there_is_nothing_to_reload(start_admin: Any, nats_server: NatsServer) -> None:
    admin = await start_admin(nats_url=nats_server.url)
    await admin.in_force()
    client = await admin.signed_in_as("owner")
    assert (await client.get("/admin/configuration")).json() == {
        "file": None, "read_at": None, "problems": [], "models": [],
    }  # fmt: skip
    assert (await client.post("/admin/configuration/reload")).status_code == 409


async def test_who_changed_what_is_in_the_audit_log(file: File) -> None:
    file.declare({"alias": "a", "routes": [route("one")]})
    await file.start()
    file.declare({"alias": "a", "routes": [route("two")]})
    await file.reload()
    rows = await file.admin.execute(
        "SELECT action, actor_kind, actor_id FROM control.audit_entries WHERE resource_type IN ('model', 'route')"
    )
    assert ("model.created", "system", "configuration file") in {tuple(row) for row in rows}
    assert ("route.updated", "user") in {(row["action"], row["actor_kind"]) for row in rows}


async def test_sighup_has_a_running_process_read_the_file_again(
    file: File, redis_url: str, make_database: Any, eventually: Any, tmp_path: Path
) -> None:
    file.declare({"alias": "a", "routes": [route("one")]}, bootstrap={"tenants": [{"name": "Research"}]})
    await file.start()
    settings = file.admin.settings
    environment = file.environment | {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": redis_url,
        "NATS_URL": settings.nats_url.get_secret_value(),
        "OMG_KEY_HASH_SECRET": settings.key_hash_secret.get_secret_value(),
        "OMG_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "OMG_LISTEN_PORT": "0",
        "PATH": os.environ["PATH"],
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "admin_api", "serve", env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        applied = b"configuration file applied"
        async with asyncio.timeout(30):
            while applied not in await process.stdout.readline():
                pass
        file.declare(
            {"alias": "a", "routes": [route("two")]}, bootstrap={"tenants": [{"name": "Research"}, {"name": "New"}]}
        )
        process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(30):
            while applied not in await process.stdout.readline():
                pass
        assert (await file.model("a"))["routes"][0]["model"] == "two"
        names = {each["name"] for each in (await file.client.get("/admin/tenants")).json()["data"]}
        assert {"Research", "New"} <= names
        assert process.returncode is None
    finally:
        process.terminate()
        await asyncio.wait_for(process.communicate(), 20)


async def test_replicas_that_read_at_once_agree(file: File) -> None:
    file.declare(*({"alias": f"m{index}", "routes": [route("one")], "fallbacks": ["m0"][:index]} for index in range(8)))
    await file.start()
    other = File(file.path, file._start_admin, file.admin.settings.nats_url.get_secret_value())
    other.admin = await file._start_admin(
        nats_url=file.admin.settings.nats_url.get_secret_value(),
        database_url=file.admin.database_url,
        environment=file.environment,
    )
    other.client = await other.admin.signed_in_as("owner")
    # What falls back to what is turned around, so m0 can only follow m1.
    changed = ({"alias": f"m{index}", "routes": [route("two")], "fallbacks": ["m1"][index:]} for index in range(3))
    file.declare(*changed)

    replies = await asyncio.gather(*(each.reload() for each in (file, other, file, other)))

    assert [reply["problems"] for reply in replies] == [[]] * 4
    assert await file.states() == {"m0": "in_force", "m1": "in_force", "m2": "in_force"}
    assert {(await file.model(f"m{index}"))["routes"][0]["model"] for index in range(3)} == {"two"}
