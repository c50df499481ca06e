"""API keys: shown once, in force when the creation returns, out of force when the revocation returns."""

import re
from datetime import timedelta
from typing import Any

import pytest

from common.clock import utc_now


async def test_a_new_key_is_shown_once_and_in_force_when_the_call_returns(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()

    reply = await owner.post(f"/admin/tenants/{tenant['id']}/api-keys", json={"name": "CI"})

    assert reply.status_code == 201
    key = reply.json()
    secret = key.pop("secret")
    assert re.fullmatch(r"sk-[A-Za-z0-9]{48}", secret)
    assert key["hint"] == f"{secret[:7]}…{secret[-4:]}"
    assert (key["tenant_id"], key["tenant_name"], key["status"]) == (tenant["id"], tenant["name"], "active")
    assert await admin.record("keys", admin.key_hash(secret)) == {
        "key_id": key["id"],
        "tenant_id": tenant["id"],
        "owner_id": key["owner_id"],
        "expires_at": None,
        "scopes": None,
        "models": None,
        "allowed_addresses": [],
        "tags": {},
        "limits": {
            "overall": {"requests_per_minute": None, "tokens_per_minute": None, "parallel_requests": None},
            "models": {},
        },
    }
    listed = (await owner.get(f"/admin/tenants/{tenant['id']}/api-keys")).json()
    assert listed == {"data": [key], "has_more": False, "next_cursor": None}


async def test_the_secret_is_nowhere_in_the_database(admin: Any) -> None:
    tenant = await admin.tenant()
    secret = (await admin.key(tenant["id"]))["secret"]

    for table in ("api_keys", "outbox"):
        rows = await admin.execute(
            f"SELECT t::text, encode(convert_to(t::text, 'UTF8'), 'hex') AS hex FROM control.{table} t"
        )
        assert not any(secret in row["t"] or secret.encode().hex() in row["t"] for row in rows)


async def test_a_revoked_key_is_gone_when_the_call_returns(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    key = await admin.key(tenant["id"])

    reply = await owner.delete(f"/admin/tenants/{tenant['id']}/api-keys/{key['id']}")

    assert reply.status_code == 204
    assert reply.content == b""
    assert await admin.record("keys", admin.key_hash(key["secret"])) is None
    (listed,) = (await owner.get(f"/admin/tenants/{tenant['id']}/api-keys")).json()["data"]
    assert listed["status"] == "revoked"
    assert listed["revoked_at"] is not None


async def test_revoking_again_changes_nothing(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    path = f"/admin/tenants/{tenant['id']}/api-keys/{(await admin.key(tenant['id']))['id']}"
    await owner.delete(path)
    before = (await owner.get(f"/admin/tenants/{tenant['id']}/api-keys")).json()

    reply = await owner.delete(path)

    assert reply.status_code == 204
    assert (await owner.get(f"/admin/tenants/{tenant['id']}/api-keys")).json() == before


async def test_a_key_of_another_tenant_is_not_found(admin: Any) -> None:
    owner, mine, other = await admin.owner(), await admin.tenant(), await admin.tenant()
    key = await admin.key(other["id"])

    reply = await owner.delete(f"/admin/tenants/{mine['id']}/api-keys/{key['id']}")

    assert reply.status_code == 404
    assert await admin.record("keys", admin.key_hash(key["secret"])) is not None


@pytest.mark.parametrize("key_id", ["key_" + "0" * 32, "nonsense", "%00"])
async def test_an_unknown_key_is_not_found(admin: Any, key_id: str) -> None:
    tenant = await admin.tenant()

    reply = await (await admin.owner()).delete(f"/admin/tenants/{tenant['id']}/api-keys/{key_id}")

    assert reply.status_code == 404


async def test_a_key_expires_by_the_clock_and_the_edge_is_told_when(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant()
    end = (utc_now() + timedelta(hours=1)).replace(microsecond=0)

    key = await admin.key(tenant["id"], expires_at=end.astimezone().isoformat())

    expected = end.isoformat().replace("+00:00", "Z")
    assert key["expires_at"] == expected
    assert (await admin.record("keys", admin.key_hash(key["secret"])))["expires_at"] == expected
    try:
        admin.clock.ahead = timedelta(hours=2)
        (listed,) = (await owner.get(f"/admin/tenants/{tenant['id']}/api-keys")).json()["data"]
    finally:
        admin.clock.ahead = timedelta()
    assert listed["status"] == "expired"


@pytest.mark.parametrize(
    "expires_at",
    [
        "2020-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2030-01-01T00:00:00",
        "soon",
        1e300,
        -1,
        True,
        {},
    ],
)
async def test_an_impossible_end_is_refused(admin: Any, expires_at: Any) -> None:
    tenant = await admin.tenant()

    reply = await (await admin.owner()).post(
        f"/admin/tenants/{tenant['id']}/api-keys", json={"name": "k", "expires_at": expires_at}
    )

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "expires_at"
    assert (await (await admin.owner()).get(f"/admin/tenants/{tenant['id']}/api-keys")).json()["data"] == []


async def test_the_list_over_all_tenants_can_be_filtered_and_paged(admin: Any) -> None:
    owner, mine, other = await admin.owner(), await admin.tenant(), await admin.tenant()
    keys = [await admin.key(tenant["id"]) for tenant in (mine, other, mine, mine)]

    newest = (await owner.get("/admin/api-keys", params={"limit": 4})).json()
    first = (await owner.get("/admin/api-keys", params={"tenant_id": mine["id"], "limit": 2})).json()
    second = (
        await owner.get("/admin/api-keys", params={"tenant_id": mine["id"], "cursor": first["next_cursor"]})
    ).json()
    nobody = (await owner.get("/admin/api-keys", params={"tenant_id": "tnt_" + "0" * 32})).json()

    assert [key["id"] for key in newest["data"]] == [key["id"] for key in reversed(keys)]
    assert [key["id"] for key in first["data"]] == [keys[3]["id"], keys[2]["id"]]
    assert first["has_more"] is True
    assert ([key["id"] for key in second["data"]], second["has_more"]) == ([keys[0]["id"]], False)
    assert nobody["data"] == []
