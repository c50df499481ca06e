"""The block `bootstrap` of the YAML file: all it can hold, made once; what people do afterwards stays, unless told otherwise."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from admin_api.bootstrap.command import BootstrapError, run
from admin_api.bootstrap.reading import find_problems
from admin_api.settings import BootstrapSettings
from common.configuration.document import parse_document
from common.crypto.api_keys import new_api_key
from devstack.servers.nats import NatsServer

PASSWORD = "canary password of the owner"
BLOCK = """\
bootstrap:
  tenant_settings: {personal_tenants: true, default_models: [fast]}
  tenants:
    - name: Research
      models: [fast]
      timezone: Europe/Berlin
    - name: Sales
  admin_users:
    - {email: owner@example.com, name: Owner, password_env: OWNER_PASSWORD, role: owner}
    - {email: ann@example.com, name: Ann, password_file: "%s", role: null}
  memberships:
    - {tenant: Research, email: ann@example.com, role: admin}
  api_keys:
    - {tenant: Research, name: ci, secret_env: CI_KEY, models: [fast], tags: {team: r}}
  limits:
    - {scope: installation, requests_per_minute: 1000}
    - {scope: tenant, tenant: Research, requests_per_minute: 100, models: {fast: {tokens_per_minute: 5000}}}
    - {scope: key, tenant: Research, key: ci, parallel_requests: 3}
  budgets:
    - {name: Month, scope: tenant, tenant: Research, amount_usd: 250.50, warn_at: 70}
    - {name: Ann, scope: user, user: ann@example.com, amount_usd: "5", hard: false, schedule: weekly}
    - {name: All, scope: installation, amount_usd: 1000}
    - {name: CI, scope: key, tenant: Research, key: ci, amount_usd: 10}
  models:
    - alias: fast
      routes: [{provider: openai, model: gpt-4o-mini, credential_env: PROVIDER_KEY, prices: {input: 0.15, output: 0.60}}]
"""


@pytest.fixture
async def own_admin(start_admin: Any, nats_server: NatsServer) -> Any:
    admin = await start_admin(nats_url=nats_server.url)
    await admin.in_force()
    return admin


@pytest.fixture
def block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    secret = tmp_path / "password"
    secret.write_text("canary password of Ann\n")
    monkeypatch.setenv("OWNER_PASSWORD", PASSWORD)
    monkeypatch.setenv("CI_KEY", new_api_key())
    monkeypatch.setenv("PROVIDER_KEY", "canary-provider-key")
    return BLOCK % secret


Apply = Callable[..., Any]


@pytest.fixture
def apply(own_admin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Apply:
    """Bootstraps as the command does with OMG_CONFIG_FILE; what it complains about."""

    async def bootstrap(text: str, *, replace: bool = False) -> str | None:
        file = tmp_path / "gateway.yaml"
        file.write_text(text)
        monkeypatch.setenv("OMG_CONFIG_FILE", str(file))
        settings = BootstrapSettings.model_validate(own_admin.settings.model_dump())
        try:
            await asyncio.to_thread(run, settings, None, replace=replace)
        except BootstrapError as error:
            return str(error)
        return None

    return bootstrap


async def state(admin: Any) -> dict[str, list[str]]:
    """Of what was told, which rows there are: whether they have left yet is the relay's."""
    tables = ("tenants", "users", "memberships", "api_keys", "settings", "budgets", "models", "routes")
    rows = {
        table: sorted(row[0] for row in await admin.execute(f"SELECT t::text FROM control.{table} t"))
        for table in tables
    }
    return rows | {"outbox": [str(row[0]) for row in await admin.execute("SELECT id FROM control.outbox ORDER BY id")]}


async def signed_in(admin: Any) -> httpx.AsyncClient:
    client: httpx.AsyncClient = await admin.client()
    reply = await client.post("/admin/auth/login", json={"email": "owner@example.com", "password": PASSWORD})
    assert reply.status_code == 200
    return client


async def test_everything_is_made(own_admin: Any, apply: Apply, block: str) -> None:
    assert await apply(block) is None

    client = await signed_in(own_admin)
    tenants = {each["name"]: each for each in (await client.get("/admin/tenants")).json()["data"]}
    research = tenants["Research"]
    assert (research["models"], research["timezone"], tenants["Sales"]["models"]) == (["fast"], "Europe/Berlin", None)
    settings = (await client.get("/admin/settings/tenants")).json()
    assert settings == {"personal_tenants": True, "default_models": ["fast"], "retention_days": 30}
    (member,) = (await client.get(f"/admin/tenants/{research['id']}/members")).json()["data"]
    assert (member["email"], member["role"]) == ("ann@example.com", "admin")
    (key,) = (await client.get("/admin/api-keys")).json()["data"]
    assert (key["name"], key["models"], key["tags"]) == ("ci", ["fast"], {"team": "r"})
    limits = (await client.get(f"/admin/tenants/{research['id']}/rate-limits")).json()
    assert limits["own"]["requests_per_minute"] == 100
    assert limits["own"]["models"]["fast"]["tokens_per_minute"] == 5000
    assert limits["ceilings"]["installation"]["requests_per_minute"] == 1000
    key_limits = (await client.get(f"/admin/tenants/{research['id']}/api-keys/{key['id']}/rate-limits")).json()
    assert key_limits["own"]["parallel_requests"] == 3
    budgets = {each["name"]: each for each in (await client.get("/admin/budgets")).json()["data"]}
    assert {name: (each["scope"], each["amount_usd"]) for name, each in budgets.items()} == {
        "Month": ("tenant", "250.5"), "Ann": ("user", "5"), "All": ("installation", "1000"), "CI": ("key", "10"),
    }  # fmt: skip
    assert (budgets["Month"]["subject"], budgets["CI"]["subject"]) == (research["id"], key["id"])
    (route,) = (await client.get("/admin/model-catalog/fast")).json()["routes"]
    assert (route["prices"]["input"], route["has_credential"]) == ("0.15", True)


async def test_a_second_time_nothing_is_written(own_admin: Any, apply: Apply, block: str) -> None:
    await apply(block)
    before = await state(own_admin)
    assert await apply(block) is None
    assert await state(own_admin) == before


async def test_what_people_did_since_stays(own_admin: Any, apply: Apply, block: str) -> None:
    await apply(block)
    client = await signed_in(own_admin)
    tenants = {each["name"]: each["id"] for each in (await client.get("/admin/tenants")).json()["data"]}
    (member,) = (await client.get(f"/admin/tenants/{tenants['Research']}/members")).json()["data"]
    budgets = {each["name"]: each["id"] for each in (await client.get("/admin/budgets")).json()["data"]}
    (key,) = (await client.get("/admin/api-keys")).json()["data"]
    nothing = {"requests_per_minute": None}
    for method, path, body in [
        ("PATCH", f"/admin/tenants/{tenants['Research']}", {"name": "Renamed"}),
        ("DELETE", f"/admin/tenants/{tenants['Research']}/members/{member['user_id']}", None),
        ("PUT", f"/admin/tenants/{tenants['Research']}/rate-limits", nothing),
        ("PATCH", f"/admin/budgets/{budgets['Month']}", {"amount_usd": "1", "name": "Now"}),
        ("DELETE", f"/admin/budgets/{budgets['All']}", None),
        ("DELETE", "/admin/model-catalog/fast", None),
        ("DELETE", f"/admin/tenants/{tenants['Sales']}", None),
        ("PUT", "/admin/settings/tenants", {"personal_tenants": False, "default_models": None, "retention_days": 5}),
        ("POST", f"/admin/tenants/{tenants['Research']}/api-keys/{key['id']}/rotate", {"grace_seconds": 0}),
    ]:
        reply = await client.request(method, path, json=body)
        assert reply.status_code < 300, (path, reply.text)
    before = await state(own_admin)

    assert await apply(block) is None

    assert await state(own_admin) == before


async def test_replace_makes_everything_what_the_file_says(own_admin: Any, apply: Apply, block: str) -> None:
    await apply(block)
    client = await signed_in(own_admin)
    tenants = {each["name"]: each["id"] for each in (await client.get("/admin/tenants")).json()["data"]}
    research = f"/admin/tenants/{tenants['Research']}"
    (member,) = (await client.get(f"{research}/members")).json()["data"]
    (key,) = (await client.get("/admin/api-keys")).json()["data"]
    await client.patch(research, json={"name": "Renamed", "models": []})
    await client.delete(f"{research}/members/{member['user_id']}")
    await client.put(f"{research}/rate-limits", json={})
    await client.delete("/admin/model-catalog/fast")
    changed = block.replace("250.50", "300").replace("name: ci, ", "name: ci, expires_at: 2099-01-01T00:00:00Z, ")

    assert await apply(changed, replace=True) is None

    tenant = (await client.get(research)).json()
    assert (tenant["name"], tenant["models"]) == ("Research", ["fast"])
    assert len((await client.get(f"{research}/members")).json()["data"]) == 1
    assert (await client.get(f"{research}/rate-limits")).json()["own"]["requests_per_minute"] == 100
    amounts = {each["name"]: each["amount_usd"] for each in (await client.get("/admin/budgets")).json()["data"]}
    assert amounts["Month"] == "300"
    assert (await client.get("/admin/model-catalog/fast")).status_code == 200
    (after,) = (await client.get("/admin/api-keys")).json()["data"]
    assert (after["id"], after["expires_at"]) == (key["id"], "2099-01-01T00:00:00Z")
    before = await state(own_admin)
    assert await apply(changed, replace=True) is None
    assert await state(own_admin) == before


async def test_replace_of_one_entry_leaves_the_others(own_admin: Any, apply: Apply, block: str) -> None:
    await apply(block)
    client = await signed_in(own_admin)
    ids = {each["name"]: each["id"] for each in (await client.get("/admin/tenants")).json()["data"]}
    await client.patch(f"/admin/tenants/{ids['Research']}", json={"models": []})
    await client.patch(f"/admin/tenants/{ids['Sales']}", json={"timezone": "Asia/Tokyo"})
    marked = block.replace("models: [fast]\n", "models: [fast]\n      replace: true\n", 1)

    assert await apply(marked) is None

    tenants = {each["name"]: each for each in (await client.get("/admin/tenants")).json()["data"]}
    assert tenants["Research"]["models"] == ["fast"]
    assert tenants["Sales"]["timezone"] == "Asia/Tokyo"


async def test_replace_takes_no_last_owner_away_and_no_password(own_admin: Any, apply: Apply, block: str) -> None:
    await apply(block)
    demoted = block.replace("role: owner}", "role: auditor}")
    assert "is the last owner" in str(await apply(demoted, replace=True))
    (before,) = await own_admin.execute("SELECT password_hash FROM control.users WHERE email = 'owner@example.com'")
    await apply(block, replace=True)
    (after,) = await own_admin.execute("SELECT password_hash FROM control.users WHERE email = 'owner@example.com'")
    assert before == after


@pytest.mark.parametrize(
    ("find", "put", "told"),
    [
        ("password_env: OWNER_PASSWORD", "password: canary literal", "gateway.yaml:9: bootstrap.admin_users.0.password: a secret"),
        ("password_env: OWNER_PASSWORD", "password_env: NOT_THERE", "admin_users.0.password_env: the variable NOT_THERE is not"),
        ("secret_env: CI_KEY", "secret_file: /nowhere", "bootstrap.api_keys.0.secret_file: the file /nowhere cannot be read"),
        ("secret_env: CI_KEY", "secret_env: OWNER_PASSWORD", "bootstrap.api_keys.0.secret: Value error, an API key is"),
        ("{scope: installation, requests", "{scope: installation, tenant: Research, requests", "the scope installation goes with"),
        ("parallel_requests: 3", "requests_per_minute: 101", "requests_per_minute: 101 is above"),
        ("tenant: Research, email", "tenant: Reserch, email", "memberships: there is no tenant named Reserch"),
        ("user: ann@example.com, amount", "user: bob@example.com, amount", "budgets: there is no user bob@example.com"),
        ("role: admin}", "role: king}", "gateway.yaml:12: bootstrap.memberships.0.role"),
        ("timezone: Europe/Berlin", "timezone: Europe/Berlon", "gateway.yaml:6: bootstrap.tenants.0.timezone"),
    ],
)  # fmt: skip
async def test_one_mistake_and_nothing_is_made(
    own_admin: Any, apply: Apply, block: str, find: str, put: str, told: str
) -> None:
    assert find in block
    before = await state(own_admin)

    complaint = await apply(block.replace(find, put, 1))

    assert told in str(complaint)
    assert "canary" not in str(complaint)
    assert await state(own_admin) == before


async def test_literal_secrets_are_taken_where_the_file_allows_them(own_admin: Any, apply: Apply) -> None:
    user = {"email": "a@example.com", "name": "A", "password": "literal password", "role": "owner"}
    assert await apply(yaml.safe_dump({"bootstrap": {"allow_literal_secrets": True, "admin_users": [user]}})) is None
    assert await own_admin.execute("SELECT 1 FROM control.users WHERE email = 'a@example.com'")


def test_the_check_of_a_file_asks_for_no_secrets(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OWNER_PASSWORD", "CI_KEY", "PROVIDER_KEY"):
        monkeypatch.delenv(name)
    assert find_problems(parse_document(block, name="x")) == []
    wrong = find_problems(parse_document(block.replace("weekly", "sometimes"), name="x"))
    assert [str(each).partition(": ")[0] for each in wrong] == ["x:21"]
    assert find_problems(parse_document(json.dumps({"server": {}}), name="x")) == []


async def test_what_was_bootstrapped_is_in_the_audit_log(own_admin: Any, apply: Apply, block: str) -> None:
    await apply(block)
    rows = await own_admin.execute("SELECT action, actor_id, after::text FROM control.audit_entries")
    actions = {row["action"] for row in rows if row["actor_id"] == "bootstrap"}
    assert {"tenant.created", "user.created", "membership.created", "api_key.created", "budget.created"} <= actions
    assert not [row for row in rows if "canary" in str(row["after"])]
