"""The bootstrap document: makes what is absent, leaves alone what a person edited, and needs Postgres only."""

import asyncio
import copy
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from admin_api.bootstrap.command import BootstrapError, run
from admin_api.settings import BootstrapSettings
from common.crypto.api_keys import new_api_key
from common.events.control import route_credential_purpose
from common.events.subjects import catalog_key
from devstack.servers.nats import NatsServer


def document() -> dict[str, Any]:
    return {
        "tenants": [{"name": "Demo"}],
        "admin_users": [
            {"email": "Admin@example.com", "name": "Admin", "password": "a password to print", "role": "owner"}
        ],
        "api_keys": [{"tenant": "Demo", "name": "First key", "secret": new_api_key()}],
        "models": [
            {
                "alias": "demo",
                "replace": True,
                "routes": [
                    {
                        "provider": "openai-compatible",
                        "model": "smollm2-135m",
                        "base_url": "http://127.0.0.1:4321/v1",
                        "credential": None,
                        "prices": {"input": "0.05", "cached_input": "0.025", "output": "0.10"},
                    }
                ],
            },
            {
                "alias": "gpt",
                "routes": [
                    {"provider": "openai", "model": "gpt-4o", "credential": "sk-up", "prices": {"input": "2.5"}}
                ],
            },
        ],
    }


def settings_of(admin: Any) -> BootstrapSettings:
    return BootstrapSettings.model_validate(admin.settings.model_dump())


async def bootstrap(admin: Any, wanted: dict[str, Any] | str) -> str | None:
    """Run the command in this process; what it complains about."""
    text = wanted if isinstance(wanted, str) else json.dumps(wanted)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(text)
        file.flush()
        try:
            await asyncio.to_thread(run, settings_of(admin), file.name)
        except BootstrapError as error:
            return str(error)
    return None


async def bootstrap_from_the_command_line(admin: Any, wanted: dict[str, Any]) -> tuple[int | None, str]:
    """Run it as an operator does; its exit code and what it wrote."""
    environment = {
        "DATABASE_URL": admin.database_url,
        "OMG_KEY_HASH_SECRET": admin.settings.key_hash_secret.get_secret_value(),
        "OMG_ENCRYPTION_KEYS": admin.settings.encryption_keys.get_secret_value(),
        "OMG_ALLOW_PRIVATE_UPSTREAMS": "true",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "admin_api", "bootstrap", "-",
        env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(json.dumps(wanted).encode()), 60)
    return process.returncode, out.decode()


async def state(admin: Any) -> list[Any]:
    tables = ("tenants", "users", "api_keys", "models", "routes")
    return [sorted(map(tuple, await admin.execute(f"SELECT t::text FROM control.{table} t"))) for table in tables]


@pytest.fixture
async def own_admin(start_admin: Any, nats_server: NatsServer) -> Any:
    admin = await start_admin(nats_url=nats_server.url)
    await admin.in_force()
    return admin


async def test_everything_is_made_and_put_in_force_by_whoever_serves(own_admin: Any, eventually: Any) -> None:
    wanted = document()

    code, out = await bootstrap_from_the_command_line(own_admin, wanted)

    assert code == 0, out
    assert json.loads(out.splitlines()[-1])["event"] == "bootstrapped"
    client = await own_admin.client()
    login = {"email": "admin@example.com", "password": "a password to print"}
    assert (await client.post("/admin/auth/login", json=login)).status_code == 200
    (tenant,) = (await client.get("/admin/tenants")).json()["data"]
    (key,) = (await client.get("/admin/api-keys")).json()["data"]
    assert (tenant["name"], key["name"], key["tenant_id"]) == ("Demo", "First key", tenant["id"])
    models = (await client.get("/admin/model-catalog")).json()["data"]
    assert {model["alias"] for model in models} == {"demo", "gpt"}

    async def in_force() -> bool:
        secret = wanted["api_keys"][0]["secret"]
        return await own_admin.record("keys", own_admin.key_hash(secret)) is not None

    await eventually(in_force)
    record = await own_admin.record("catalog", catalog_key("gpt"))
    (route,) = record["routes"]
    assert own_admin.sealer.open(route["credential"], purpose=route_credential_purpose(route["id"])) == "sk-up"
    for secret in ("a password to print", wanted["api_keys"][0]["secret"], "sk-up"):
        assert secret not in out


async def test_a_second_time_nothing_changes(own_admin: Any) -> None:
    wanted = document()
    await bootstrap(own_admin, wanted)
    before = await state(own_admin)
    (rows,) = await own_admin.execute("SELECT count(*) FROM control.outbox")

    assert await bootstrap(own_admin, wanted) is None

    assert await state(own_admin) == before
    assert await own_admin.execute("SELECT count(*) FROM control.outbox") == [rows]


async def test_what_a_person_edited_stays(own_admin: Any) -> None:
    wanted = document()
    await bootstrap(own_admin, wanted)
    client = await own_admin.client()
    await client.post("/admin/auth/login", json={"email": "admin@example.com", "password": "a password to print"})
    (tenant,) = (await client.get("/admin/tenants")).json()["data"]
    (key,) = (await client.get("/admin/api-keys")).json()["data"]
    user = (await client.get("/admin/auth/session")).json()["user"]
    await client.patch(f"/admin/tenants/{tenant['id']}", json={"status": "suspended", "models": []})
    await client.patch(f"/admin/users/{user['id']}", json={"name": "Renamed", "password": "one of my own choice"})
    await client.delete(f"/admin/tenants/{tenant['id']}/api-keys/{key['id']}")
    route = {"provider": "openai-compatible", "model": "mine", "base_url": "http://127.0.0.1:1", "prices": {}}
    await client.put("/admin/model-catalog/gpt", json={"routes": [route], "enabled": False})
    before = await state(own_admin)

    assert await bootstrap(own_admin, wanted) is None

    assert await state(own_admin) == before


async def test_replace_follows_the_document_and_keeps_ids_and_price_versions(own_admin: Any) -> None:
    wanted = document()
    await bootstrap(own_admin, wanted)
    client = await own_admin.signed_in_as("owner")
    before = (await client.get("/admin/model-catalog/demo")).json()
    moved = copy.deepcopy(wanted)
    moved["models"][0]["routes"][0]["base_url"] = "http://127.0.0.1:9999/v1"
    moved["models"][0]["routes"][0]["credential"] = "now-with-one"
    moved["models"][1]["routes"][0]["model"] = "ignored, because it is not to be replaced"

    assert await bootstrap(own_admin, moved) is None

    after = (await client.get("/admin/model-catalog/demo")).json()
    (old,), (new,) = before["routes"], after["routes"]
    assert new["base_url"] == "http://127.0.0.1:9999/v1"
    assert new["has_credential"] is True
    assert (new["id"], new["price_version"]) == (old["id"], old["price_version"])
    assert (await client.get("/admin/model-catalog/gpt")).json()["routes"][0]["model"] == "gpt-4o"


async def test_many_at_once_make_everything_once(own_admin: Any) -> None:
    wanted = document()

    results = await asyncio.gather(*(bootstrap(own_admin, wanted) for _ in range(3)))

    assert results == [None, None, None]
    assert [len(rows) for rows in await state(own_admin)] == [1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"tenants": [{"name": ""}]}, "tenants.0.name"),
        ({"tenants": [{"name": "Demo", "colour": "red"}]}, "tenants.0.colour"),
        ({"admin_users": [{"email": "x", "name": "x", "password": "hunter2", "role": "owner"}]}, "password"),
        ({"api_keys": [{"tenant": "Demo", "name": "k", "secret": "sk-hunter2"}]}, "api_keys.0.secret"),
        ({"api_keys": [{"tenant": "Nobody", "name": "k", "secret": "sk-" + "a" * 48}]}, "no tenant named Nobody"),
        ({"models": [{"alias": "a b", "routes": []}]}, "models.0.alias"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_a_wrong_document_changes_nothing_and_says_where(
    own_admin: Any, change: dict[str, Any], place: str
) -> None:
    complaint = await bootstrap(own_admin, {**document(), **change})

    assert complaint is not None
    assert place in complaint
    assert "hunter2" not in complaint
    assert await state(own_admin) == [[], [], [], [], []]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"tenants": null}', "?"])
async def test_what_is_no_document_is_refused(own_admin: Any, text: str) -> None:
    complaint = await bootstrap(own_admin, text)

    assert complaint is not None
    assert complaint.startswith("the document is not usable")


async def test_a_file_that_is_not_there_is_said(own_admin: Any, tmp_path: Path) -> None:
    with pytest.raises(BootstrapError, match="cannot be read"):
        await asyncio.to_thread(run, settings_of(own_admin), str(tmp_path / "nothing.json"))


async def test_an_operator_is_told_without_a_traceback(own_admin: Any) -> None:
    code, out = await bootstrap_from_the_command_line(own_admin, {"tenants": [{"name": ""}]})

    assert code == 1
    assert out.startswith("bootstrap: the document is not usable: -:1: tenants.0.name")
    assert "Traceback" not in out
