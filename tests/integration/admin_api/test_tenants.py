"""Tenants: the endpoints, and the policy record each of them leaves for the edge."""

from typing import Any

import pytest

NO_LIMITS = {"requests_per_minute": None, "tokens_per_minute": None, "parallel_requests": None}


async def test_a_new_tenant_is_active_and_in_force_when_the_call_returns(admin: Any) -> None:
    owner = await admin.owner()

    reply = await owner.post("/admin/tenants", json={"name": "  Research  "})

    assert reply.status_code == 201
    tenant = reply.json()
    assert tenant["name"] == "Research"
    assert (tenant["status"], tenant["models"]) == ("active", None)
    assert tenant["id"].startswith("tnt_")
    assert tenant["created_at"].endswith("Z")
    assert await admin.record("policies", tenant["id"]) == {
        "tenant_id": tenant["id"],
        "status": "active",
        "models": None,
        "limits": {"overall": NO_LIMITS, "models": {}},
    }
    assert (await owner.get(f"/admin/tenants/{tenant['id']}")).json() == tenant


async def test_a_change_is_in_force_when_the_call_returns(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant(models=[])
    assert (await admin.record("policies", tenant["id"]))["models"] == []

    reply = await owner.patch(
        f"/admin/tenants/{tenant['id']}", json={"status": "suspended", "models": ["gpt-4o", "meta/llama-3.1", "gpt-4o"]}
    )

    assert reply.status_code == 200
    assert reply.json() == {**tenant, "status": "suspended", "models": ["gpt-4o", "meta/llama-3.1"]}
    assert await admin.record("policies", tenant["id"]) == {
        "tenant_id": tenant["id"],
        "status": "suspended",
        "models": ["gpt-4o", "meta/llama-3.1"],
        "limits": {"overall": NO_LIMITS, "models": {}},
    }


async def test_null_models_means_every_model_and_a_missing_field_changes_nothing(admin: Any) -> None:
    owner, tenant = await admin.owner(), await admin.tenant(models=["a"])

    unchanged = await owner.patch(f"/admin/tenants/{tenant['id']}", json={})
    every = await owner.patch(f"/admin/tenants/{tenant['id']}", json={"models": None})

    assert unchanged.json()["models"] == ["a"]
    assert every.json()["models"] is None


async def test_a_name_is_taken_once(admin: Any) -> None:
    owner, first, second = await admin.owner(), await admin.tenant(), await admin.tenant()

    created = await owner.post("/admin/tenants", json={"name": first["name"]})
    renamed = await owner.patch(f"/admin/tenants/{second['id']}", json={"name": first["name"]})

    for reply in (created, renamed):
        assert reply.status_code == 409
        assert reply.json()["error"]["code"] == "already_exists"
        assert reply.json()["error"]["param"] == "name"


async def test_the_list_is_paged_newest_first_without_gaps(admin: Any) -> None:
    owner = await admin.owner()
    made = [(await admin.tenant())["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while len(seen) < 5:
        reply = (
            await owner.get("/admin/tenants", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        ).json()
        seen += [tenant["id"] for tenant in reply["data"]]
        cursor = reply["next_cursor"]

    assert seen[:5] == made[::-1]
    last = (await owner.get("/admin/tenants", params={"limit": 100})).json()
    assert last["has_more"] is (last["next_cursor"] is not None)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": 7}, "name"),
        ({"name": None}, "name"),
        ({"name": "ok", "models": "gpt"}, "models"),
        ({"name": "ok", "models": ["a b"]}, "models.0"),
        ({"name": "ok", "models": ["../x"]}, "models.0"),
        ({"name": "ok", "models": ["m"] * 501}, "models"),
        ({"name": "ok", "owner": "me"}, "owner"),
    ],
)
async def test_a_wrong_body_is_refused_with_the_field(admin: Any, body: dict[str, Any], param: str) -> None:
    reply = await (await admin.owner()).post("/admin/tenants", json=body)

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param
    assert reply.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("body", [{"name": None}, {"status": None}, {"status": "gone"}])
async def test_a_wrong_change_is_refused(admin: Any, body: dict[str, Any]) -> None:
    tenant = await admin.tenant()

    reply = await (await admin.owner()).patch(f"/admin/tenants/{tenant['id']}", json=body)

    assert reply.status_code == 400
    assert (await (await admin.owner()).get(f"/admin/tenants/{tenant['id']}")).json() == tenant


@pytest.mark.parametrize("tenant_id", ["tnt_" + "0" * 32, "nonsense", "tnt_", "%00", "a%0Ab", "key_" + "0" * 32])
async def test_an_unknown_id_is_not_found(admin: Any, tenant_id: str) -> None:
    owner = await admin.owner()

    for reply in (
        await owner.get(f"/admin/tenants/{tenant_id}"),
        await owner.patch(f"/admin/tenants/{tenant_id}", json={"status": "suspended"}),
        await owner.get(f"/admin/tenants/{tenant_id}/api-keys"),
        await owner.post(f"/admin/tenants/{tenant_id}/api-keys", json={"name": "k"}),
    ):
        assert reply.status_code == 404, reply.text
        assert reply.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    "cursor", ["!", "AAAA", "bm90IGpzb24", "WyJhIiwiYiJd", "WyJcdTAwMDAiXQ", "WyJcdWQ4MDAiXQ", "x" * 600, "é"]
)
async def test_a_bad_cursor_is_refused(admin: Any, cursor: str) -> None:
    for path in ("/admin/tenants", "/admin/users", "/admin/api-keys", "/admin/model-catalog"):
        reply = await (await admin.owner()).get(path, params={"cursor": cursor})

        assert reply.status_code == 400, (path, reply.text)
        assert reply.json()["error"]["param"] == "cursor"


@pytest.mark.parametrize("limit", ["0", "-1", "101", "9" * 400, "1e3", "x", ""])
async def test_a_bad_limit_is_refused(admin: Any, limit: str) -> None:
    reply = await (await admin.owner()).get("/admin/tenants", params={"limit": limit})

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "limit"
